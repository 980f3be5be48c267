package engine

import (
	"context"
	"time"
)

// longestSleep bounds how late the refresher notices that the wall clock went on while timers stood still: a machine that slept.
const longestSleep = time.Minute

// shortestRest is how long the refresher rests after a renewal, even if the new value is due already.
const shortestRest = 100 * time.Millisecond

// plan is what the refresher does next.
type plan[T any] struct {
	at    time.Time // zero: nothing by itself
	why   Reason
	spare bool // not while nobody uses the value
	probe bool // only if what was refused has changed

	value *Snapshot[T] // with until, what the plan was made from
	until time.Time
}

// refresh is the background goroutine.
func (e *Engine[T]) refresh() {
	idle := idleness[T]{after: e.cfg.IdleAfter, last: e.now()}
	if e.cfg.Eager {
		e.act(plan[T]{why: Need})
	}
	for e.life.Err() == nil {
		now := e.now()
		p := e.plan(now)
		idle.observe(p.value, now)
		rests := p.spare && idle.rests(now)
		if p.at.IsZero() || now.Before(p.at) || rests {
			e.sleep(p.at, idle.wake(p, now, rests))
			continue
		}
		e.due.Store(never)
		e.act(p)
		if p.why == Due {
			e.rest()
		}
	}
}

// plan says what to do, as things are now.
func (e *Engine[T]) plan(now time.Time) plan[T] {
	l := e.renew
	l.mu.Lock()
	defer l.mu.Unlock()
	m, s := &l.memory, e.current.Load()
	p := plan[T]{why: Due, value: s, until: m.until}
	switch {
	case l.flight != nil: // it nudges when it lands
	case e.look.Load():
		p.at, p.why = now, Look
	case m.refused():
		p.at, p.spare, p.probe = m.probe, true, true
	case m.err != nil && m.verdict.CallersOnly:
	case m.err != nil && m.verdict.Harmless:
		p.at = m.until
	case m.err != nil:
		p.at, p.spare = m.until, true
		if s != nil && !s.Invalid && s.RenewAt.After(p.at) {
			p.at = s.RenewAt // somebody forced a renewal, in vain
		}
	case s != nil:
		p.at, p.spare = s.RenewAt, true
	}
	return p
}

// act starts a renewal and waits for it, unless the plan is out of date. A failure is remembered, and told, by the lane.
func (e *Engine[T]) act(p plan[T]) {
	if p.probe && !e.probe() {
		return
	}
	l := e.renew
	_, _, _ = l.join(e.life, func() (*Flight[T], *Snapshot[T], error) {
		if p.why == Look {
			e.look.Store(false)
		} else if p.value != e.current.Load() || !p.until.Equal(l.memory.until) {
			return nil, nil, nil
		}
		return e.takeOff(e.life, l, p.why)
	})
}

// probe looks whether a refused question has changed, and if it has not, says when to look again.
func (e *Engine[T]) probe() bool {
	ctx, cancel := context.WithTimeout(e.life, e.cfg.MaxBackOff)
	defer cancel()
	if !e.overtaken(ctx, e.renew).IsZero() {
		return true
	}
	e.renew.mu.Lock()
	defer e.renew.mu.Unlock()
	e.renew.memory.probe = e.now().Add(e.cfg.MaxBackOff)
	return false
}

// sleep waits until the alarm on the wall clock, zero: none, or until it is nudged. From due on a reader nudges.
func (e *Engine[T]) sleep(due, alarm time.Time) {
	e.due.Store(nanos(due))
	var ring <-chan time.Time
	if !alarm.IsZero() {
		timer := time.NewTimer(min(alarm.Sub(e.now()), longestSleep))
		defer timer.Stop()
		ring = timer.C
	}
	select {
	case <-ring:
	case <-e.wake:
	case <-e.life.Done():
	}
}

func (e *Engine[T]) rest() {
	select {
	case <-time.After(min(e.cfg.MinBackOff, shortestRest)):
	case <-e.life.Done():
	}
}

// nudge wakes the refresher. It does not block.
func (e *Engine[T]) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// idleness tells whether anybody still uses the value, from the marks that readers leave on it.
type idleness[T any] struct {
	after time.Duration // zero: it never rests
	last  time.Time     // it was used then, or later
}

// observe takes the mark off.
func (i *idleness[T]) observe(s *Snapshot[T], now time.Time) {
	if i.after > 0 && s != nil && s.used.Swap(false) {
		i.last = now
	}
}

func (i *idleness[T]) rests(now time.Time) bool {
	return i.after > 0 && now.Sub(i.last) >= i.after
}

// wake says when to look again: at the time planned and, to take the mark off, so long before it that a use after that counts.
func (i *idleness[T]) wake(p plan[T], now time.Time, rests bool) time.Time {
	if rests && !now.Before(p.at) {
		return time.Time{} // a reader nudges
	}
	if before := p.at.Add(-i.after); i.after > 0 && p.spare && !p.at.IsZero() && now.Before(before) {
		return before
	}
	return p.at
}
