package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// lane is a road for one flight at a time, which all callers share.
type lane[T any] struct {
	e    *Engine[T]
	fly  func(*Flight[T]) (*Snapshot[T], error)
	asks bool // a person: a flight stops when its last waiter leaves

	// mu guards what follows and the waiters of the flight.
	mu     sync.Mutex
	flight *Flight[T] // nil: none
	left   *Flight[T] // the last one that was abandoned, until it has landed
	memory *memory    // nil: no failure

	// Set under mu, and read without it by the many who find all well.
	unforced atomic.Bool // there is a flight that was not forced
	failed   atomic.Bool // there is a memory
}

func (l *lane[T]) setFlightLocked(f *Flight[T]) {
	l.flight = f
	l.unforced.Store(f != nil && f.Why != Force)
}

func (l *lane[T]) setMemoryLocked(m *memory) {
	l.memory = m
	l.failed.Store(m != nil)
}

var errAbandoned = errors.New("oauth2grant: every caller has left the sign-in; it can be tried again soon")

// join waits for the flight under way, or for a new one that start makes. start
// runs under the lane's lock and may answer instead.
func (l *lane[T]) join(
	ctx context.Context, start func() (*Flight[T], *Snapshot[T], error),
) (*Flight[T], *Snapshot[T], error) {
	l.mu.Lock()
	f := l.flight
	if f == nil {
		var s *Snapshot[T]
		var err error
		if f, s, err = start(); f == nil {
			l.mu.Unlock()
			return nil, s, err
		}
		l.setFlightLocked(f)
	}
	late := f.lateLocked()
	f.waiters++
	if ctx != l.e.life { // the background is no caller
		f.joined++
	}
	_, last := l.memory.failures()
	l.mu.Unlock()
	if late != nil {
		return f, nil, late
	}

	select {
	case <-f.done:
		return f, f.s, f.err
	case <-ctx.Done():
	case <-l.e.life.Done():
		return f, nil, l.e.closedError()
	}
	if f.isReleased() {
		return f, f.s, f.err
	}
	l.leave(f)
	return f, nil, &LeftError{Cause: cause(ctx), Last: last}
}

// busy reports whether a flight is under way that was not forced.
func (l *lane[T]) busy() bool { return l.unforced.Load() }

// takeOff starts a flight that the callers of a lane will share. The lane is
// locked.
func (e *Engine[T]) takeOff(ctx context.Context, l *lane[T], why Reason) (*Flight[T], *Snapshot[T], error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life.Err() != nil {
		return nil, nil, e.closedError()
	}
	if l.left != nil {
		l.left.generation = overtaken
		l.left = nil
	}
	f := &Flight[T]{
		Why: why, lane: l, generation: e.generation, abandon: l.asks, started: time.Now(), done: make(chan struct{}),
	}
	f.ctx, f.cancel = e.detach(ctx)
	f.ctx = withLink(f.ctx, e, f.commit)
	e.wg.Go(func() { l.run(f) })
	return f, nil, nil
}

// run is the flight itself.
func (l *lane[T]) run(f *Flight[T]) {
	var s *Snapshot[T]
	var err error
	returned := false
	defer func() {
		if !returned {
			if p := recover(); p != nil {
				panic(p) // crash the program; nobody is let go on until then
			}
			err = ErrVanished
		}
		f.cancel(nil)
		l.land(f, s, err)
	}()
	s, err = l.fly(f)
	returned = true
	if s == nil && errors.Is(context.Cause(f.ctx), ErrSuperseded) {
		err = ErrSuperseded
	}
}

// land takes the flight off the lane, remembers how it ended, and releases its
// waiters, in that order.
func (l *lane[T]) land(f *Flight[T], s *Snapshot[T], err error) {
	current := f.Current()
	if current && err == nil && (f.published || s != nil) {
		l.e.forgive()
	}
	var v Verdict
	if err != nil {
		v = l.e.cfg.Judge(err)
	}
	l.mu.Lock()
	if current && f.Why == Look && err == nil && l.memory.isHarmless() { // it was mended
		l.setMemoryLocked(nil)
	}
	failed := err != nil && current && !f.abandoned && l.e.life.Err() == nil
	mends := failed && v.Kind == Harmless && l != &l.e.renew // that is for the background
	failed = failed && !mends
	var retryIn time.Duration
	if failed {
		retryIn = l.failLocked(err, v)
	}
	if l.flight == f {
		l.setFlightLocked(nil)
	}
	if l.left == f {
		l.left = nil
	}
	l.mu.Unlock()
	f.release(s, err)
	f.report()
	if failed {
		l.report(f, err, retryIn)
	}
	if mends {
		l.e.Note(err)
	}
	l.e.Wake()
}

// failLocked remembers a failure, and returns in how long the background tries
// again, zero if it does not. The lane is locked, so that nobody asks again
// before it is remembered.
func (l *lane[T]) failLocked(err error, v Verdict) time.Duration {
	if l.memory == nil {
		l.setMemoryLocked(&memory{})
	}
	retryIn := l.memory.fail(err, v, l.e.cfg.MinBackOff, l.e.cfg.MaxBackOff)
	if !l.memory.retries() || l != &l.e.renew || l.e.cfg.Passive {
		return 0
	}
	return retryIn
}

// report tells Config.Failed of a failure of f.
func (l *lane[T]) report(f *Flight[T], err error, retryIn time.Duration) {
	failure := Failure{
		Err: err, RetryIn: retryIn, Started: f.started.Round(0), Duration: time.Since(f.started), Waiters: f.Waiters(),
	}
	l.e.report(f.ctx, func(ctx context.Context, dropped int) {
		failure.Dropped = dropped
		l.e.cfg.Failed(ctx, failure)
	})
}

// leave takes one waiter off the flight, and stops the flight if that was the
// last one and nobody else may want the result.
func (l *lane[T]) leave(f *Flight[T]) {
	leave, ok := l.e.enter()
	if !ok {
		return
	}
	defer leave()
	v := l.e.cfg.Judge(errAbandoned)
	l.mu.Lock()
	f.waiters--
	if f.waiters > 0 || !f.abandon || l.flight != f {
		l.mu.Unlock()
		return
	}
	f.abandoned = true
	l.setFlightLocked(nil)
	l.left = f
	retryIn := l.failLocked(errAbandoned, v)
	l.mu.Unlock()
	f.cancel(errAbandoned)
	l.report(f, errAbandoned, retryIn)
}
