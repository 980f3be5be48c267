package engine

import (
	"context"
	"time"
)

// shortestRest is how long the refresher rests after a renewal, even if the new
// value is due already.
const shortestRest = 100 * time.Millisecond

// plan is what the refresher does next.
type plan[T any] struct {
	never bool          // nothing by itself
	in    time.Duration // from now
	why   Reason
	spare bool      // not while nobody uses the value, unless it is to be kept
	probe bool      // only if what was refused has changed
	keep  time.Time // from when on nothing is spared; zero: never

	value  *Snapshot[T] // with memory and its end, what the plan was made from
	memory *memory
	until  time.Time
}

// refresh is the background's work. It ends when there is nothing to do, and
// begins anew with the next Wake: most grants do nothing most of the time, and
// then have no goroutine.
func (e *Engine[T]) refresh() {
	done := false
	defer func() {
		if !done { // what was refused was looked at, and that ended the goroutine
			e.wg.Go(e.refresh)
		}
	}()
	for e.life.Err() == nil && e.step() {
		continue
	}
	done = true
}

// step does what is to be done now. It reports false if that was nothing: the
// refresher rests, until its alarm or somebody else wakes it.
func (e *Engine[T]) step() bool {
	wakes, next := e.wakes.Load(), e.plan()
	e.idle.observe(next.value)
	rests := next.spare && e.idle.rests() && !e.keeps(next)
	if next.never || next.in > 0 || rests {
		e.setAlarm(next, e.idle.wake(next, rests, e.until(next.keep)))
		return !e.wakes.CompareAndSwap(wakes, 0)
	}
	e.due.Store(never)
	e.act(next)
	if next.why == Due {
		e.rest()
	}
	return true
}

// begin is refresh for the first time.
func (e *Engine[T]) begin() {
	if e.cfg.Eager {
		e.act(plan[T]{why: Need})
	}
	e.refresh()
}

// plan returns what to do, as things are now.
func (e *Engine[T]) plan() plan[T] {
	l := &e.renew
	l.mu.Lock()
	defer l.mu.Unlock()
	m, s := l.memory, e.onTime()
	p := plan[T]{why: Due, value: s, memory: m}
	if m != nil {
		p.until = m.until
	}
	if s != nil && !m.refused() {
		p.keep = s.KeepAt
	}
	switch {
	case l.flight != nil: // it wakes the refresher when it lands
		p.never = true
	case e.look.Load():
		p.why = Look
	case m.refused():
		p.in, p.spare, p.probe = time.Until(m.probe), true, true
	case m.refusedToAll():
		p.never = true
	case m.isHarmless():
		p.in, p.why = time.Until(m.again), Look
		if s != nil && !s.RenewAt.IsZero() && e.until(s.RenewAt) <= 0 {
			p.why = Due
		}
	case m != nil:
		p.in, p.spare = time.Until(m.again), m.verdict.Every == 0
		if s != nil && !s.Invalid && p.spare { // somebody forced a renewal, in vain
			p.in = max(p.in, e.until(s.RenewAt))
		}
		if s != nil && !s.Expiry.IsZero() && m.verdict.Kind == WhileUsable {
			p.in = min(p.in, e.until(s.Expiry))
		}
	case s != nil && !s.RenewAt.IsZero():
		p.in, p.spare = e.until(s.RenewAt), true
	default:
		p.never = true
	}
	return p
}

// onTime returns the value. If the wall clock was set back since, so that the
// times of the value would come too late, it has been replaced by one whose
// times have come nearer by as much. A clock that has gone ahead, as after a
// sleep, may be set back from there.
func (e *Engine[T]) onTime() *Snapshot[T] {
	s := e.current.Load()
	if s == nil {
		return nil
	}
	now := e.now()
	if back := s.wall.Add(time.Since(s.sealed)).Sub(now); back.Abs() >= jumpLeast {
		e.current.CompareAndSwap(s, s.nearer(max(back, 0)).seal(now))
	}
	return e.current.Load()
}

// keeps reports whether the value is renewed though nobody uses it.
func (e *Engine[T]) keeps(p plan[T]) bool { return !p.keep.IsZero() && e.until(p.keep) <= 0 }

// until returns how long it is to a time of the wall clock, zero for one that
// never comes.
func (e *Engine[T]) until(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return t.Sub(e.now())
}

// act starts a renewal and waits for it, unless the plan is out of date. A
// failure is remembered, and told, by the lane.
func (e *Engine[T]) act(p plan[T]) {
	if p.probe && !e.probe() {
		return
	}
	l := &e.renew
	_, _, _ = l.join(e.life, func() (*Flight[T], *Snapshot[T], error) {
		if p.why == Look {
			e.look.Store(false)
		} else if m := l.memory; p.value != e.current.Load() || p.memory != m || m != nil && !m.until.Equal(p.until) {
			return nil, nil, nil
		}
		return e.takeOff(e.life, l, p.why)
	})
}

// probe looks whether a refused question has changed, and says when to look
// again, even if what it asks ends the goroutine.
func (e *Engine[T]) probe() bool {
	ctx, cancel := context.WithTimeout(e.life, e.cfg.MaxBackOff)
	defer cancel()
	defer func() {
		e.renew.mu.Lock()
		defer e.renew.mu.Unlock()
		if m := e.renew.memory; m != nil {
			m.probe = time.Now().Add(e.cfg.MaxBackOff)
		}
	}()
	return !e.overtaken(ctx, &e.renew).IsZero()
}

// setAlarm has the refresher woken in so long; not by itself if alarm is
// negative. From when the plan is due on, a reader wakes it.
func (e *Engine[T]) setAlarm(p plan[T], alarm time.Duration) {
	due := int64(never)
	if !p.never {
		due = e.now().Add(p.in).UnixNano()
	}
	e.due.Store(due)
	switch {
	case alarm < 0 && e.alarm != nil:
		e.alarm.Stop()
	case alarm >= 0 && e.alarm == nil:
		e.alarm = time.AfterFunc(alarm, e.Wake)
	case alarm >= 0:
		e.alarm.Reset(alarm)
	}
}

func (e *Engine[T]) rest() {
	timer := time.NewTimer(min(e.cfg.MinBackOff, shortestRest))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-e.life.Done():
	}
}

// Wake makes the refresher plan anew. It does not block.
func (e *Engine[T]) Wake() {
	if e.wakes.Add(1) == 1 {
		e.launch(e.refresh)
	}
}
