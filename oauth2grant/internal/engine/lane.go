package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// ErrVanished says that a flight ended without a result, by runtime.Goexit.
var ErrVanished = errors.New("oauth2grant: the flow ended its goroutine instead of returning")

// ErrOverdue says that a flight has not returned although its context has ended.
var ErrOverdue = errors.New("oauth2grant: the flow has not returned although its context has ended")

// lane is a road for one flight at a time, which all callers share.
type lane[T any] struct {
	e     *Engine[T]
	fly   func(*Flight[T]) (*Snapshot[T], error)
	group singleflight.Group

	mu      sync.Mutex
	flight  *Flight[T]
	memory  memory
	flights uint64 // begun so far; guarded by e.mu
}

const key = "" // a lane has one flight: the group needs no more

// Flight is one run, shared by its callers and detached from them.
type Flight[T any] struct {
	Why      Reason
	Obtained bool // set by the run: the value is newly issued, not found

	lane      *lane[T]
	ctx       context.Context
	cancel    context.CancelCauseFunc
	epoch     uint64
	number    uint64        // among the lane's flights
	vanished  chan struct{} // closed when it ends without a result
	overdue   chan struct{} // closed when it has not returned in time
	lateOnce  sync.Once
	waiters   int  // guarded by lane.mu
	abandon   bool // stop it when the last waiter leaves; guarded by lane.mu
	abandoned bool // guarded by lane.mu
	published bool // by this flight
	told      []func(context.Context)
}

var errAbandoned = errors.New("oauth2grant: every caller has left the sign-in; it can be tried again soon")

// join waits for the flight under way, or for a new one that start makes. start runs under the lane's lock and may answer instead.
func (l *lane[T]) join(ctx context.Context, start func() (*Flight[T], *Snapshot[T], error)) (*Flight[T], *Snapshot[T], error) {
	l.mu.Lock()
	f := l.flight
	if f == nil {
		var s *Snapshot[T]
		var err error
		if f, s, err = start(); f == nil {
			l.mu.Unlock()
			return nil, s, err
		}
		l.flight = f
	}
	f.waiters++
	last := l.memory.err
	ch := l.group.DoChan(key, func() (any, error) { return l.run(f) })
	l.mu.Unlock()
	defer l.leave(f)

	select {
	case r := <-ch:
		return f, r.Val.(*Snapshot[T]), r.Err
	case <-f.vanished:
		return f, nil, ErrVanished
	case <-f.overdue:
		return f, nil, ErrOverdue
	case <-ctx.Done():
		return f, nil, &LeftError{Cause: cause(ctx), Last: last}
	case <-l.e.life.Done():
		return f, nil, l.e.closedError()
	}
}

// busy tells whether a flight is under way that was not forced.
func (l *lane[T]) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flight != nil && l.flight.Why != Force
}

// run is the flight itself.
func (l *lane[T]) run(f *Flight[T]) (s *Snapshot[T], err error) {
	returned := false
	defer func() {
		if !returned {
			if p := recover(); p != nil {
				panic(p) // singleflight crashes the program; nobody is let go on until then
			}
			err = ErrVanished
			defer close(f.vanished) // singleflight delivers nothing after Goexit
		}
		defer l.e.wg.Done()
		f.cancel(nil)
		l.land(f, s, err)
	}()
	s, err = l.fly(f)
	returned = true
	if s == nil && errors.Is(context.Cause(f.ctx), ErrSuperseded) {
		err = ErrSuperseded
	}
	return s, err
}

// land takes the flight off the lane and remembers how it ended.
func (l *lane[T]) land(f *Flight[T], s *Snapshot[T], err error) {
	if (f.published || err == nil && s != nil) && f.Current() {
		l.e.forgive()
	}
	for _, tell := range f.told {
		l.e.Tell(f.ctx, tell)
	}
	l.mu.Lock()
	if l.flight == f {
		l.flight = nil
		l.group.Forget(key)
	}
	var report func(context.Context)
	if err != nil && !f.abandoned && l.e.life.Err() == nil && f.Current() {
		report = l.fail(err)
	}
	l.mu.Unlock()
	if report != nil {
		l.e.Tell(f.ctx, report)
	}
	l.e.nudge()
}

// fail remembers a failure, and gives the report of it. The lane is locked, so that nobody asks again before it is remembered.
func (l *lane[T]) fail(err error) (report func(context.Context)) {
	wait := l.memory.fail(err, l.e.cfg.Judge(err), l.e.now())
	if !l.memory.retries() || l != l.e.renew || l.e.cfg.Passive {
		wait = 0
	}
	return func(ctx context.Context) { l.e.cfg.Failed(ctx, err, wait) }
}

// leave takes one waiter off the flight, and stops it if it was the last and nobody else may want the result.
func (l *lane[T]) leave(f *Flight[T]) {
	if report := l.abandon(f); report != nil {
		defer l.e.wg.Done()
		f.cancel(errAbandoned)
		l.e.Tell(f.ctx, report)
	}
}

// abandon takes one waiter off the flight. If the flight is to be stopped it frees the lane and gives the report; then Close waits for a Done more.
func (l *lane[T]) abandon(f *Flight[T]) (report func(context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f.waiters--
	if f.waiters > 0 || !f.abandon || l.flight != f || l.e.life.Err() != nil {
		return nil
	}
	f.abandoned = true
	l.flight = nil
	l.group.Forget(key)
	l.e.wg.Add(1) // the flight has not landed, so Close is not done waiting
	return l.fail(errAbandoned)
}

// Tell runs report when the flight has landed, outside it.
func (f *Flight[T]) Tell(report func(context.Context)) { f.told = append(f.told, report) }

// commit makes the flight go on without waiters.
func (f *Flight[T]) commit() {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	f.abandon = false
}

// Context is the flight's own: it has the values of the first caller, and ends with the engine, or when the last waiter of a sign-in leaves.
func (f *Flight[T]) Context() context.Context { return f.ctx }

// patience is how much longer than its timeout an attempt may take until its waiters are let go.
const patience = time.Second

// Attempt bounds one attempt within the flight. Waiters do not wait much longer, even if the attempt ignores its context.
func (f *Flight[T]) Attempt(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	late := time.AfterFunc(timeout+patience, func() { f.lateOnce.Do(func() { close(f.overdue) }) })
	return ctx, func() { late.Stop(); cancel() }
}

// LeftError is what a caller gets whose context ended while it waited.
type LeftError struct {
	Cause error // of the caller's context
	Last  error // the last failure; nil: none
}

// Error says what was waited for and why it was left.
func (e *LeftError) Error() string {
	text := "oauth2grant: left while waiting for a token: " + e.Cause.Error()
	if e.Last != nil {
		text += "; the last failure: " + e.Last.Error()
	}
	return text
}

// Unwrap gives both errors.
func (e *LeftError) Unwrap() []error {
	if e.Last == nil {
		return []error{e.Cause}
	}
	return []error{e.Cause, e.Last}
}

// cause is why ctx has ended: its own error and, where there is more to say, that too.
func cause(ctx context.Context) error {
	if why := context.Cause(ctx); why != nil && !errors.Is(why, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), why)
	}
	return ctx.Err()
}
