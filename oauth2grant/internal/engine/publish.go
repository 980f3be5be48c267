package engine

import "context"

// Current reports whether nothing was set or dropped since the flight began,
// nor was it abandoned and another begun in its place.
func (f *Flight[T]) Current() bool {
	f.lane.e.mu.Lock()
	defer f.lane.e.mu.Unlock()
	return f.isCurrentLocked()
}

func (f *Flight[T]) isCurrentLocked() bool { return f.generation == f.lane.e.generation }

// Generation returns the generation of the value that the flight may replace.
func (f *Flight[T]) Generation() uint64 {
	f.lane.e.mu.Lock()
	defer f.lane.e.mu.Unlock()
	return f.generation
}

// Claim begins a generation of the value with this flight, if the flight is
// Current, and reports whether it is: from now on every other flight that began
// before is overtaken. announce is called with the number of the generation
// before any flight of it can begin, and must not call the engine.
func (f *Flight[T]) Claim(announce func(generation uint64)) bool {
	e := f.lane.e
	e.mu.Lock()
	defer e.mu.Unlock()
	if !f.isCurrentLocked() {
		return false
	}
	e.generation++
	f.generation, f.claimed = e.generation, true
	announce(e.generation)
	return true
}

// Publish makes s the value, nil for none, if the flight is Current and did not
// claim a generation in which another flight has published since. It reports
// whether it did.
func (f *Flight[T]) Publish(s *Snapshot[T]) bool {
	return f.publish(s, func(*Snapshot[T]) bool { return true })
}

// PublishOver is Publish as long as the value is still old.
func (f *Flight[T]) PublishOver(old, s *Snapshot[T]) bool {
	return f.publish(s, old.is)
}

func (f *Flight[T]) publish(s *Snapshot[T], over func(now *Snapshot[T]) bool) bool {
	e := f.lane.e
	if s != nil {
		s.seal(e.now())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !f.isCurrentLocked() || f.claimed && e.published == f.generation || !over(e.current.Load()) {
		return false
	}
	f.published, e.published = true, f.generation
	if e.life.Err() == nil {
		e.current.Store(s)
	}
	return true
}

// Claim begins a generation of the value from outside: every flight that began
// before is overtaken. announce is called with its number before any flight of
// it can begin, and must not call the engine.
func (e *Engine[T]) Claim(announce func(generation uint64)) (generation uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.generation++
	announce(e.generation)
	return e.generation
}

// Drop is Claim that leaves no value, and forgets failures: from now on only
// callers want one.
func (e *Engine[T]) Drop(announce func(generation uint64)) {
	e.mu.Lock()
	e.generation++
	announce(e.generation)
	e.current.Store(nil)
	e.mu.Unlock()
	e.forgive()
}

// Set makes s the value, or leaves none where s is nil, and forgets failures,
// unless a later generation has begun or a flight of this one has published
// already: it knew of s. It reports whether it did.
func (e *Engine[T]) Set(generation uint64, s *Snapshot[T]) bool {
	if s != nil {
		s.seal(e.now())
	}
	e.mu.Lock()
	if generation != e.generation || generation == e.published {
		e.mu.Unlock()
		return false
	}
	if e.life.Err() == nil {
		e.current.Store(s)
	}
	e.mu.Unlock()
	e.forgive()
	return true
}

// forgive forgets the failures of both lanes.
func (e *Engine[T]) forgive() {
	for _, l := range []*lane[T]{&e.renew, &e.signIn} {
		l.mu.Lock()
		l.setMemoryLocked(nil)
		l.mu.Unlock()
	}
	e.Wake()
}

// HandBack ends a sign-in that is not needed: its callers renew instead, as if
// nothing had failed.
func (f *Flight[T]) HandBack() (*Snapshot[T], error) {
	f.lane.e.forgive()
	return nil, nil
}

// Note remembers a failure that happened in guarded work, so that the
// background tries again.
func (e *Engine[T]) Note(err error) {
	v := e.cfg.Judge(err)
	e.renew.mu.Lock()
	retryIn := e.renew.failLocked(err, v)
	e.renew.mu.Unlock()
	e.Report(e.life, func(ctx context.Context, dropped int) {
		e.cfg.Failed(ctx, Failure{Err: err, RetryIn: retryIn, Dropped: dropped})
	})
	e.Wake()
}

// Invalidate marks the value as refused if it is still old. Nobody is given it
// any more.
func (e *Engine[T]) Invalidate(old *Snapshot[T]) {
	for now := e.current.Load(); now.is(old); now = e.current.Load() {
		s := &Snapshot[T]{Value: now.Value, Since: now.Since, RenewAt: now.RenewAt, KeepAt: now.KeepAt, Invalid: true}
		if e.current.CompareAndSwap(now, s.seal(e.now())) {
			return
		}
	}
}

// Changed says that somebody else may have changed the value. It does not
// block.
func (e *Engine[T]) Changed() {
	e.look.Store(true)
	if n := e.news.Swap(nil); n != nil {
		n.cancel()
	}
	e.Wake()
}

// news ends when somebody else may have changed the value.
type news struct {
	context.Context
	cancel context.CancelFunc
}

// News returns a context that ends when somebody else may have changed the
// value after this call.
func (e *Engine[T]) News() context.Context {
	for {
		if n := e.news.Load(); n != nil {
			return n
		}
		ctx, cancel := context.WithCancel(context.Background())
		e.news.CompareAndSwap(nil, &news{ctx, cancel})
	}
}
