package engine

import "context"

// Current tells whether nothing was set or dropped since the flight began, nor was it abandoned and another begun in its place.
func (f *Flight[T]) Current() bool {
	f.lane.e.mu.Lock()
	defer f.lane.e.mu.Unlock()
	return f.isCurrent()
}

// isCurrent is Current with the engine locked.
func (f *Flight[T]) isCurrent() bool { return f.epoch == f.lane.e.epoch && f.number == f.lane.flights }

// Publish makes s the value if the flight is Current. It tells whether it did.
func (f *Flight[T]) Publish(s *Snapshot[T]) bool {
	e := f.lane.e
	s.seal()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !f.isCurrent() {
		return false
	}
	f.published = true
	if f.Why == Force && f.lane == e.signIn {
		e.epoch++
		f.epoch = e.epoch
	}
	if e.life.Err() == nil {
		e.current.Store(s)
	}
	return true
}

// Drop removes the value that a flight found to be gone, if the flight is Current. It tells whether it did.
func (f *Flight[T]) Drop() bool {
	e := f.lane.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if !f.isCurrent() {
		return false
	}
	f.published = true
	e.current.Store(nil)
	return true
}

// Set makes s the value, or leaves none where s is nil. What began before is discarded, and failures are forgotten.
func (e *Engine[T]) Set(s *Snapshot[T]) {
	if s != nil {
		s.seal()
	}
	e.mu.Lock()
	if e.life.Err() == nil {
		e.current.Store(s)
	}
	e.epoch++
	e.mu.Unlock()
	e.forgive()
}

// forgive forgets the failures of both lanes.
func (e *Engine[T]) forgive() {
	for _, l := range []*lane[T]{e.renew, e.signIn} {
		l.mu.Lock()
		l.memory.reset()
		l.mu.Unlock()
	}
	e.nudge()
}

// Note remembers a failure that happened in guarded work, so that the background tries again.
func (e *Engine[T]) Note(err error) {
	e.renew.mu.Lock()
	report := e.renew.fail(err)
	e.renew.mu.Unlock()
	e.Tell(e.life, report)
	e.nudge()
}

// Invalidate marks the value as refused if it is still old. Nobody is given it any more.
func (e *Engine[T]) Invalidate(old *Snapshot[T]) {
	s := &Snapshot[T]{Value: old.Value, Since: old.Since, RenewAt: old.RenewAt, Invalid: true}
	e.current.CompareAndSwap(old, s.seal())
}

// Changed says that somebody else may have changed the value. It does not block.
func (e *Engine[T]) Changed() {
	e.look.Store(true)
	e.news.Swap(newNews()).cancel()
	e.nudge()
}

// news ends when somebody else may have changed the value.
type news struct {
	context.Context
	cancel context.CancelFunc
}

func newNews() *news {
	ctx, cancel := context.WithCancel(context.Background())
	return &news{ctx, cancel}
}

// News gives a context that ends when somebody else may have changed the value after this call.
func (f *Flight[T]) News() context.Context { return f.lane.e.news.Load() }
