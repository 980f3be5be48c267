package engine

import (
	"context"
	"errors"
	"fmt"
)

// takeOff makes a flight that the callers of a lane will share. The lane is locked.
func (e *Engine[T]) takeOff(ctx context.Context, l *lane[T], why Reason) (*Flight[T], *Snapshot[T], error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life.Err() != nil {
		return nil, nil, e.closedError()
	}
	e.wg.Add(1)
	l.flights++
	f := &Flight[T]{
		Why: why, lane: l, epoch: e.epoch, number: l.flights, abandon: l == e.signIn && e.cfg.Interactive,
		vanished: make(chan struct{}), overdue: make(chan struct{}),
	}
	f.ctx, f.cancel = e.detach(ctx, f.commit)
	return f, nil, nil
}

// detach gives a context with the values of ctx that ends with the engine, not with ctx.
func (e *Engine[T]) detach(ctx context.Context, commit func()) (context.Context, context.CancelCauseFunc) {
	return e.bind(withLink(context.WithoutCancel(ctx), e, commit))
}

// bind gives a context that ends with ctx and with the engine.
func (e *Engine[T]) bind(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	e.wg.Add(1)
	stop := context.AfterFunc(e.life, func() { defer e.wg.Done(); cancel(context.Cause(e.life)) })
	return ctx, func(cause error) {
		if stop() {
			e.wg.Done()
		}
		cancel(cause)
	}
}

// Guard gives a context for work outside a flight: it has the values of ctx, names the engine, and ends with ctx and with the engine. The work is waited for
// by Close until done is called.
func (e *Engine[T]) Guard(ctx context.Context) (guarded context.Context, done func(), err error) {
	if err := e.admit(ctx); err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life.Err() != nil {
		return nil, nil, e.closedError()
	}
	e.wg.Add(1)
	ctx, cancel := e.bind(withLink(ctx, e, nil))
	return ctx, func() { cancel(nil); e.wg.Done() }, nil
}

// Closed gives the error of a closed engine, nil while it lives.
func (e *Engine[T]) Closed() error {
	if e.life.Err() == nil {
		return nil
	}
	return e.closedError()
}

// Close ends everything and waits for it.
func (e *Engine[T]) Close() {
	e.end(ErrClosed)
	e.wg.Wait()
}

// SigningIn tells whether a sign-in is under way that began since nobody had a value.
func (e *Engine[T]) SigningIn() bool { return e.signIn.busy() }

// Interrupt stops a sign-in that began since nobody had a value, for one that comes from elsewhere or is not wanted any more.
func (e *Engine[T]) Interrupt() {
	l := e.signIn
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.flight; f != nil && f.abandon && f.Why != Force {
		f.cancel(ErrSuperseded)
	}
}

// Detach runs what can't be stopped, and so is not waited for by anybody.
func Detach(f func()) { go f() }

// Afterlife gives a context with the values of New's that does not end with the engine, for what is left to do then.
func (e *Engine[T]) Afterlife() context.Context { return context.WithoutCancel(e.life) }

// shut runs when life has ended: nothing begins any more, and nobody has the value.
func (e *Engine[T]) shut() {
	defer e.wg.Done()
	e.mu.Lock()
	e.current.Store(nil)
	e.mu.Unlock()
	if e.cfg.Ended != nil {
		e.cfg.Ended()
	}
}

func (e *Engine[T]) closedError() error {
	cause := context.Cause(e.life)
	if errors.Is(cause, ErrClosed) {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrClosed, cause)
}
