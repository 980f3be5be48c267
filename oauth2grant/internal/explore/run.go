package explore

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// quietFor is how long nothing happens at rest: longer than any retry waits.
const quietFor = 150 * time.Second

// mostSteps bounds a schedule: one that is longer never comes to rest.
const mostSteps = 600

// chooser decides what happens next: it returns an index into cs, which is not
// empty. A negative one ends the schedule: it need not be looked at.
type chooser interface {
	choose(step int, cs []choice) int
}

// outcome is what a schedule came to.
type outcome struct {
	hash    uint64   // of all that happened
	failure failure  // of a rule; zero: none
	steps   []string // what was chosen
	cut     bool     // the chooser has ended it
}

// run runs the real code of a scenario in a bubble of its own.
func run(t *testing.T, s *Scenario, c chooser) (o outcome) {
	defer func() {
		if p := recover(); p != nil {
			o.failure = failure{"leak", fmt.Sprintf("goroutines are left: %v", p)}
		}
	}()
	synctest.Test(t, func(*testing.T) {
		w := newWorld(s)
		o.hash, o.cut = w.follow(c)
		if !o.cut && w.failure.rule == "" {
			w.rest()
		}
		if !w.close() {
			w.fail("hang", "Close does not end")
		}
		if o.failure = w.failure; o.failure.rule != "" {
			for i := range w.done {
				o.steps = append(o.steps, w.done[i].String())
			}
		}
	})
	return o
}

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

// follow does what c chooses, until everything has come to rest.
func (w *world) follow(c chooser) (hash uint64, cut bool) {
	hash = fnvOffset
	for _, b := range []byte(w.scenario.Name) {
		hash = (hash ^ uint64(b)) * fnvPrime
	}
	var cs []choice
	for step, last := 0, time.Now(); ; {
		w.settleLocked()
		w.check()
		if w.failure.rule != "" {
			return hash, false
		}
		if cs = w.choices(cs[:0], true); len(cs) == 0 {
			rest := quietFor - time.Since(last)
			if rest <= 0 {
				return hash, false
			}
			w.await(rest)
			continue
		}
		i := c.choose(step, cs)
		if i < 0 {
			return hash, true
		}
		hash = (hash ^ cs[i].id()) * fnvPrime
		w.done = append(w.done, cs[i])
		w.era++ // before anything goes on
		w.do(&cs[i])
		last = time.Now()
		if step++; step > mostSteps {
			w.fail("hang", "it does not come to rest")
		}
	}
}

// rest looks at everything when it has come to rest, and whether it works from
// then on.
func (w *world) rest() {
	w.atRest()
	for _, name := range []string{"RefreshToken", "Close"} {
		for _, p := range w.processes {
			if p.alive() && w.failure.rule == "" {
				w.probe(&call{p: p, name: name})
			}
		}
		w.probed = true
		w.atRest()
	}
}

// probe makes a call and lets it pass.
func (w *world) probe(c *call) {
	w.add(c)
	w.begin(c)
	for last := time.Now(); c.ended == 0; {
		w.drain(0)
		if c.ended == 0 && !w.await(longestCall-time.Since(last)) {
			break
		}
	}
	w.check()
	i := w.server.find(w.db.record.RefreshToken)
	switch {
	case c.ended == 0:
		w.fail("hang", "at rest %s does not return", c)
	case c.err == nil, errors.Is(c.err, oauth2grant.ErrLoginRequired) && (i == nil || i.family.ended):
	default:
		w.fail("stuck", "at rest %s returns: %v", c, c.err)
	}
}
