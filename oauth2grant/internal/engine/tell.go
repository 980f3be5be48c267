package engine

import "context"

// Tell runs f soon, after what was told before and outside any flight. Close waits for it.
func (e *Engine[T]) Tell(ctx context.Context, f func(context.Context)) {
	ctx, cancel := e.detach(ctx, nil)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.told = append(e.told, func() { defer cancel(nil); f(ctx) })
	if !e.teller {
		e.teller = true
		e.wg.Go(e.tell) // Close can't be done waiting: who tells is in a flight or guarded
	}
}

// tell runs what is told until there is no more.
func (e *Engine[T]) tell() {
	done := false
	defer func() {
		if !done {
			e.wg.Go(e.tell) // a report ended its goroutine: the others are not to be lost
		}
	}()
	for {
		e.mu.Lock()
		if len(e.told) == 0 {
			e.teller, done = false, true
			e.mu.Unlock()
			return
		}
		f := e.told[0]
		e.told = e.told[1:]
		e.mu.Unlock()
		f()
	}
}
