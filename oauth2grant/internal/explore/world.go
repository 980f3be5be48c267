package explore

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Kind is the kind of Store that the processes share.
type Kind int

const (
	// File is a store whose lock ends with its holder and is never lost before.
	File Kind = iota
	// Leased is a store whose lock is a lease: it can be lost while the holder
	// lives, and it outlives a holder that was killed.
	Leased
	// Notifying is Leased, and tells everybody of every change.
	Notifying
)

// Stored is what is in the store when a scenario begins.
type Stored int

const (
	// Nothing means that nobody has signed in yet.
	Nothing Stored = iota
	// Unread is a fresh token that no process has loaded.
	Unread
	// Fresh is a token that every process has loaded already.
	Fresh
	// Due is a token that the background of every process begins to renew.
	Due
	// Dead is a token that is due and whose refresh token the server refuses.
	Dead
)

// Scenario is what a schedule is a schedule of.
type Scenario struct {
	Name        string
	Store       Kind
	Stored      Stored
	Interactive bool     // the flow asks a person
	Calls       []string // of each process, as "Token RefreshToken SetToken", each made once
	Begins      string   // the first steps; what follows is searched
	Faults      int      // at most so many
	Leaving     bool     // a caller who leaves does not count as a fault
	Orders      int      // every order of what can happen in the first so many steps that are searched
	Depth       int      // faults happen in the first so many of them; zero: Orders
}

// process is a grant that stands for a process.
type process struct {
	w       *world
	index   int
	grant   *oauth2grant.Grant
	changed func() // of the Notifier
	killed  bool
	stopped bool
	closing int  // the tick in which Close was called; zero: not yet
	closed  bool // Close has returned
	failed  int  // the tick of the last failure of the store, as this process saw it
	seen    *issue
	bare    bool               // it has given none since
	end     context.CancelFunc // of New's ctx
	skew    time.Duration      // how far its clock is behind
	unread  int                // the tick in which it could not read the store last
	looked  int                // the tick in which it has read the store last
	acted   int                // the tick in which it did something last, or came to give up the lock
	met     map[*family]int    // the sessions that it knows, and since which tick

	died     int       // the tick since which it is not heard of; zero: it is
	markDies time.Time // when what it marked before is dead
}

func (p *process) String() string { return string("ABC"[p.index]) }

// world is everything in one bubble.
type world struct {
	gates
	scenario  *Scenario
	db        database
	server    server
	processes []*process
	calls     []*call
	ticks     int // of the order in which things happened
	faults    int // left
	rolled    bool
	failure   failure // of the first rule that was broken
	done      []choice
	probed    bool
	peeking   context.Context // has ended
}

// newWorld makes a bubble's world, and locks it.
func newWorld(s *Scenario) *world {
	w := &world{scenario: s, gates: gates{stirred: make(chan struct{}, 1)}}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	w.peeking = ended
	w.fill()
	for range s.Calls {
		w.start()
	}
	w.mu.Lock()
	w.warm()
	for i, names := range s.Calls {
		for _, name := range strings.Fields(names) {
			w.add(&call{p: w.processes[i], name: name})
		}
	}
	w.faults = s.Faults
	return w
}

// add adds a call that can be made.
func (w *world) add(c *call) {
	for _, other := range w.calls {
		if other.p == c.p && other.name == c.name {
			c.nth++
		}
	}
	w.calls = append(w.calls, c)
}

// fill puts into the store what the scenario begins with.
func (w *world) fill() {
	if w.scenario.Stored == Nothing {
		return
	}
	i := w.server.signIn(nil, 0)
	i.stored, i.family.obtained, i.family.stored = true, w.tick(), w.tick()
	w.db.record = i.token()
	if w.scenario.Stored == Dead {
		i.family.ended = true
		w.db.record.Expiry = w.db.record.Expiry.Add(-lifetime)
	}
}

// start starts one more process.
func (w *world) start() {
	p := &process{w: w, index: len(w.processes), met: map[*family]int{}}
	var store oauth2grant.Store
	switch v := (view{p}); w.scenario.Store {
	case File:
		store = v
	case Leased:
		store = leased{v}
	default:
		store = notifying{leased{v}}
	}
	ctx, end := context.WithCancel(context.Background())
	p.end = end
	g, err := oauth2grant.New(ctx, flow{p}, oauth2grant.Config{
		Server:     oauth2grant.Server{TokenURL: endpointToken, RevocationURL: endpointRevoke},
		Auth:       auth{p},
		Store:      store,
		HTTPClient: &http.Client{Transport: wire{p}},
		OnEvent: func(_ context.Context, e oauth2grant.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if !w.over {
				w.told(p, e)
			}
		},
		Refresh: oauth2grant.Refresh{Before: lead, Jitter: -1, MinBackOff: backOff, MaxBackOff: backOff},
	})
	if err != nil {
		panic(err)
	}
	p.grant = g
	w.processes = append(w.processes, p)
}

// lead is how long before its expiry a token is renewed.
const lead = time.Minute

// backOff is that of every grant, so that nothing depends on chance.
const backOff = 5 * time.Second

// warm brings every process to where the scenario begins.
func (w *world) warm() {
	if w.scenario.Stored != Fresh && w.scenario.Stored != Due {
		return
	}
	for _, p := range w.processes {
		go func() { _, _ = p.grant.Token(context.Background()) }()
		w.drain(0)
	}
	switch w.scenario.Stored {
	case Fresh:
		w.drain(time.Minute)
	case Due:
		w.await(lifetime)
	}
}

func (w *world) tick() int {
	w.ticks++
	return w.ticks
}

// failure is that of a rule.
type failure struct{ rule, text string }

// fail notes the first rule that is broken.
func (w *world) fail(rule, format string, args ...any) {
	if w.failure.rule == "" {
		w.failure = failure{rule, fmt.Sprintf(format, args...)}
	}
}

// notify tells the others that the record has changed.
func (w *world) notify(by *process) {
	for _, p := range w.processes {
		if p != by && p.changed != nil && !p.killed {
			p.changed()
		}
	}
}

// await lets time pass until something happens, at most for d. It reports
// whether something has happened.
func (w *world) await(d time.Duration) bool {
	select {
	case <-w.stirred: // of before
	default:
	}
	now := time.Now()
	for _, t := range []time.Time{w.db.freedAt, w.db.dies, w.db.awayUntil} {
		if t.After(now) {
			d = min(d, t.Sub(now)) // what is locked out, or fails, changes then
		}
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	w.mu.Unlock()
	stirred := false
	select {
	case <-w.stirred:
		stirred = true
	case <-timer.C:
	}
	synctest.Wait()
	w.mu.Lock()
	return stirred
}

// drain lets everything pass, without faults, until nothing has happened for d.
func (w *world) drain(d time.Duration) {
	for last := time.Now(); ; {
		w.settleLocked()
		if g := w.first(); g != nil {
			w.era++
			w.passLocked(g, passes)
			last = time.Now()
			continue
		}
		rest := d - time.Since(last)
		if rest <= 0 {
			return
		}
		w.await(rest)
	}
}

// first returns the gate that a fair run lets pass next; nil: there is none.
func (w *world) first() *gate {
	for _, g := range w.sorted() {
		if !g.p.killed && !g.p.stopped && g.open() {
			return g
		}
	}
	return nil
}

// close ends every process and whatever it still does, and unlocks w. It
// reports whether all have ended in time.
func (w *world) close() bool {
	w.endLocked()
	w.mu.Unlock()
	for _, c := range w.calls {
		if c.began > 0 {
			c.cancel()
		}
	}
	closed := make(chan struct{}, len(w.processes))
	for _, p := range w.processes {
		p.end()
		go func() { _ = p.grant.Close(); closed <- struct{}{} }()
	}
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for range w.processes {
		select {
		case <-closed:
		case <-late.C:
			return false
		}
	}
	return true
}
