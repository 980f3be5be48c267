package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrVanished is the error of a flight that ended its goroutine, by
// runtime.Goexit, instead of returning.
var ErrVanished = errors.New("oauth2grant: the flow ended its goroutine instead of returning")

// ErrOverdue is the error of a flight that has not returned although its
// context has ended.
var ErrOverdue = errors.New("oauth2grant: the flow has not returned although its context has ended")

// overtaken is the generation of a flight whose result nobody wants.
const overtaken = 0

// Flight is one run, shared by its callers and detached from them.
type Flight[T any] struct {
	Why      Reason
	Obtained bool // set by the run: the value is newly issued, not found

	lane       *lane[T]
	ctx        context.Context
	cancel     context.CancelCauseFunc
	started    time.Time
	generation uint64 // of the value when the flight began; guarded by Engine.mu
	claimed    bool   // the generation is its own; guarded by Engine.mu
	published  bool   // by this flight, which alone looks at it
	reports    []func(ctx context.Context, dropped int)

	// The outcome for those who wait: set once, before done is closed.
	s    *Snapshot[T]
	err  error
	once sync.Once
	done chan struct{}

	// Guarded by lane.mu.
	waiters   int  // who wait now
	joined    int  // who ever did
	abandon   bool // stop it when the last waiter leaves
	abandoned bool
	late      error // for those who join a flight that has delivered its value
}

// Context returns the flight's own context: it has the values of the first
// caller, and ends with the engine, or when the last waiter of a sign-in
// leaves.
func (f *Flight[T]) Context() context.Context { return f.ctx }

// Started returns when the flight began, on both clocks.
func (f *Flight[T]) Started() time.Time { return f.started }

// Waiters returns how many callers have waited for the flight so far.
func (f *Flight[T]) Waiters() int {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	return f.joined
}

// release lets the waiters go with an outcome, unless they have been let go
// before.
func (f *Flight[T]) release(s *Snapshot[T], err error) {
	f.once.Do(func() {
		f.s, f.err = s, err
		close(f.done)
	})
}

func (f *Flight[T]) isReleased() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// lateLocked returns the error for those who join a flight whose waiters have
// been let go, nil if there is none.
func (f *Flight[T]) lateLocked() error {
	if f.late == nil && f.isReleased() {
		return f.err
	}
	return f.late
}

// Deliver lets the waiters go with s before the flight ends. err, which must be
// Harmless, is remembered and told; whoever joins the flight later gets it.
func (f *Flight[T]) Deliver(s *Snapshot[T], err error) {
	l := f.lane
	v := l.e.cfg.Judge(err)
	l.mu.Lock()
	retryIn := l.failLocked(err, v)
	f.late = err
	l.mu.Unlock()
	f.release(s, nil)
	f.report()
	l.report(f, err, retryIn)
}

// Report runs report when the flight has landed, outside it.
func (f *Flight[T]) Report(report func(ctx context.Context, dropped int)) {
	f.reports = append(f.reports, report)
}

func (f *Flight[T]) report() {
	for _, report := range f.reports {
		f.lane.e.report(f.ctx, report)
	}
	f.reports = nil
}

// commit makes the flight go on without waiters.
func (f *Flight[T]) commit() {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	f.abandon = false
}

// patience is how much longer than its timeout an attempt may take until its
// waiters are let go.
const patience = time.Second

// Attempt bounds one attempt within the flight. Waiters do not wait much
// longer, even if the attempt ignores its context.
func (f *Flight[T]) Attempt(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	late := time.AfterFunc(timeout+patience, func() { f.release(nil, ErrOverdue) })
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

// Unwrap returns both errors.
func (e *LeftError) Unwrap() []error {
	if e.Last == nil {
		return []error{e.Cause}
	}
	return []error{e.Cause, e.Last}
}

// cause returns why ctx has ended: its own error and, where there is more to
// say, that too.
func cause(ctx context.Context) error {
	if why := context.Cause(ctx); why != nil && !errors.Is(why, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), why)
	}
	return ctx.Err()
}
