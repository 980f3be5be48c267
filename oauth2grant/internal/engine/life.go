package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// enter makes Close wait until leave is called. It reports false when the
// engine's life has ended.
func (e *Engine[T]) enter() (leave func(), ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.life.Err() != nil {
		return nil, false
	}
	e.wg.Add(1)
	return e.wg.Done, true
}

// launch runs f on a goroutine that Close waits for, unless the engine's life
// has ended.
func (e *Engine[T]) launch(f func()) {
	if leave, ok := e.enter(); ok {
		go func() {
			defer leave()
			f()
		}()
	}
}

// detached is a context with the values of one context and the life of another.
type detached struct {
	context.Context
	values context.Context
}

func (d detached) Value(key any) any {
	if v := d.values.Value(key); v != nil {
		return v
	}
	return d.Context.Value(key)
}

// detach returns a context with the values of ctx that ends with the engine,
// not with ctx.
func (e *Engine[T]) detach(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	life, cancel := context.WithCancelCause(e.life)
	if ctx == e.life {
		return life, cancel
	}
	return detached{Context: life, values: context.WithoutCancel(ctx)}, cancel
}

// Guard returns a context for work outside a flight: it has the values of ctx,
// names the engine, and ends with ctx and with the engine. Close waits for the
// work until done is called.
func (e *Engine[T]) Guard(ctx context.Context) (guarded context.Context, done func(), err error) {
	if err := e.admit(ctx); err != nil {
		return nil, nil, err
	}
	leave, ok := e.enter()
	if !ok {
		return nil, nil, e.closedError()
	}
	guarded, cancel := context.WithCancelCause(withLink(ctx, e, nil))
	ran := make(chan struct{})
	stop := context.AfterFunc(e.life, func() { defer close(ran); cancel(context.Cause(e.life)) })
	return guarded, func() {
		if !stop() {
			<-ran
		}
		cancel(nil)
		leave()
	}, nil
}

// Closed returns the error of a closed engine, nil while it lives.
func (e *Engine[T]) Closed() error {
	if e.life.Err() == nil {
		return nil
	}
	return e.closedError()
}

// Life returns a channel that is closed when the engine's life ends.
func (e *Engine[T]) Life() <-chan struct{} { return e.life.Done() }

// Close ends everything and waits for it.
func (e *Engine[T]) Close() {
	if e.unbind != nil {
		e.unbind()
	}
	e.end(ErrClosed)
	if e.shuts.CompareAndSwap(false, true) {
		e.shut()
	}
	e.ended.Wait()
}

// shutSoon shuts, outside what is waited for, unless somebody has begun to.
func (e *Engine[T]) shutSoon() {
	if e.shuts.CompareAndSwap(false, true) {
		go e.shut()
	}
}

// SigningIn reports whether a sign-in is under way that began since nobody had
// a value.
func (e *Engine[T]) SigningIn() bool { return e.signIn.busy() }

// Interrupt stops a sign-in that began since nobody had a value, for one that
// comes from elsewhere or is not wanted any more.
func (e *Engine[T]) Interrupt() {
	l := &e.signIn
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.flight; f != nil && f.abandon && f.Why != Force {
		f.cancel(ErrSuperseded)
	}
}

// Detach runs what can't be stopped, and so is not waited for by anybody.
func Detach(f func()) { go f() }

// Afterlife returns a context with the values of New's that does not end with
// the engine, for what is left to do then.
func (e *Engine[T]) Afterlife() context.Context { return context.WithoutCancel(e.life) }

// EndedAt returns when the engine's life ended, on both clocks; zero while it
// lives.
func (e *Engine[T]) EndedAt() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.endedAt
}

// shut runs once, when life has ended: nothing begins any more, and nobody has
// the value.
func (e *Engine[T]) shut() {
	e.mu.Lock()
	e.current.Store(nil)
	e.endedAt = time.Now()
	e.mu.Unlock()
	e.wg.Wait()
	if e.alarm != nil {
		e.alarm.Stop()
	}
	if e.cfg.Watcher != nil {
		e.cfg.Watcher.Leave(e)
	}
	if e.cfg.Ended != nil {
		e.cfg.Ended()
	}
	e.ended.Done()
}

func (e *Engine[T]) closedError() error {
	cause := context.Cause(e.life)
	if errors.Is(cause, ErrClosed) {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrClosed, cause)
}
