package explore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing/synctest"
)

// mode says how a gate lets its call go on.
type mode uint8

const (
	passes mode = iota // as it should
	fails              // nothing happens, and the caller gets an error
	loses              // it happens, and the caller gets an error all the same
	lags               // it happens, and the caller learns of it only at another gate
)

// op is what a call that stops at a gate does.
type op uint8

const (
	opLoad op = iota
	opSave
	opSaveAnswer
	opDelete
	opLock
	opUnlock
	opAuthenticate // the request is about to be authenticated
	opBody         // the first Read of the request's body
	opArrive       // the refresh request reaches the server
	opAnswer       // its answer leaves the server
	opRevoke       // a revocation, there and back
	opFlow         // a person signs in, or a flow that needs nobody runs
	opLoaded       // what was loaded arrives
	ops
)

var opNames = [ops]string{
	"load", "save", "saveanswer", "delete", "lock", "unlock",
	"authenticate", "body", "arrive", "answer", "revoke", "flow", "loaded",
}

// modesOf are the ways in which an operation can go wrong.
var modesOf = [ops][]mode{
	opLoad: {fails, lags}, opSave: {fails, loses}, opSaveAnswer: {fails, loses}, opDelete: {fails, loses},
	opLock: {fails}, opUnlock: {fails}, opAuthenticate: {fails}, opBody: {fails}, opArrive: {fails},
	opAnswer: {loses}, opRevoke: {fails, loses}, opFlow: {fails},
}

var (
	errFault = errors.New("explore: a fault that was chosen")
	errOver  = errors.New("explore: the schedule is over")
)

// gate is a call that has stopped. What it does happens while the explorer lets
// it pass, and nothing of it if its context ends before.
type gate struct {
	p      *process
	op     op
	since  int // the era in which it arrived
	came   int // the tick after which it did
	ready  func() bool
	effect func(mode) error
	left   func() // its context has ended; nil: that is of no interest
	done   chan error
}

func (g *gate) open() bool { return g.ready == nil || g.ready() }

// gates are all calls of a bubble that have stopped.
type gates struct {
	// mu guards the fields below, and the whole model. The explorer holds it
	// but while it waits for the goroutines of the bubble.
	mu      sync.Mutex
	pending []*gate
	era     int  // of arrivals: one ends with every choice
	over    bool // nothing has an effect any more

	stirred chan struct{} // something has arrived, left or returned
}

func (gs *gates) stir() {
	select {
	case gs.stirred <- struct{}{}:
	default:
	}
}

// stop waits until the explorer lets g pass, or until ctx ends.
func (gs *gates) stop(ctx context.Context, g *gate) error {
	g.done = make(chan error, 1)
	gs.mu.Lock()
	if gs.over {
		gs.mu.Unlock()
		return errOver
	}
	g.since, g.came = gs.era, g.p.w.ticks
	gs.pending = append(gs.pending, g)
	gs.mu.Unlock()
	gs.stir()
	select {
	case err := <-g.done:
		return err
	case <-ctx.Done():
		return gs.leave(ctx, g)
	}
}

func (gs *gates) leave(ctx context.Context, g *gate) error {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	i := slices.Index(gs.pending, g)
	if i < 0 {
		return <-g.done // it was let pass at the same time
	}
	gs.pending = slices.Delete(gs.pending, i, i+1)
	if g.left != nil {
		g.left()
	}
	gs.stir()
	return ctx.Err()
}

// settleLocked waits until every goroutine of the bubble is blocked.
func (gs *gates) settleLocked() {
	gs.mu.Unlock()
	synctest.Wait()
	gs.mu.Lock()
}

// passLocked lets g go on.
func (gs *gates) passLocked(g *gate, m mode) {
	i := slices.Index(gs.pending, g)
	gs.pending = slices.Delete(gs.pending, i, i+1)
	g.p.acted = g.p.w.tick()
	if g.op == opUnlock { // all was decided when it came here
		g.p.acted = g.came + 1
	}
	g.done <- g.effect(m)
}

// endLocked lets everything go, without effect.
func (gs *gates) endLocked() {
	gs.over = true
	for _, g := range gs.pending {
		g.done <- errOver
	}
	gs.pending = nil
}

// sorted returns the gates in the order in which a fair run lets them pass:
// those that arrived first, and among equals in an order that does not depend
// on how goroutines were scheduled.
func (gs *gates) sorted() []*gate {
	slices.SortStableFunc(gs.pending, func(a, b *gate) int {
		if a.since != b.since {
			return a.since - b.since
		}
		if a.p.index != b.p.index {
			return a.p.index - b.p.index
		}
		return int(a.op) - int(b.op)
	})
	return gs.pending
}
