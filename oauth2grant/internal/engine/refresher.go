package engine

import (
	"time"
)

// longestSleep bounds how late the refresher notices that the wall clock went on while timers stood still: a machine that slept.
const longestSleep = time.Minute

// plan is what the refresher does next.
type plan struct {
	at    time.Time // zero: nothing by itself
	why   Reason
	spare bool // not while nobody uses the value
	probe bool // only if what was refused has changed
}

// refresh is the background goroutine.
func (e *Engine[T]) refresh() {
	idle := idleness[T]{after: e.cfg.IdleAfter, last: e.now()}
	eager := e.cfg.Eager
	for e.life.Err() == nil {
		p := e.plan(eager)
		now, s := e.now(), e.current.Load()
		idle.observe(s, now)
		rests := p.spare && idle.rests(now)
		if p.at.IsZero() || now.Before(p.at) || rests {
			e.sleep(p, idle.wake(p, now, rests))
			continue
		}
		eager = false
		e.due.Store(never)
		e.act(p)
	}
}

func (e *Engine[T]) plan(eager bool) plan {
	l := e.renew
	l.mu.Lock()
	defer l.mu.Unlock()
	s := e.current.Load()
	switch m := &l.memory; {
	case l.flight != nil:
		return plan{} // it nudges when it lands
	case e.look.Swap(false):
		return plan{at: e.now(), why: Look}
	case m.refused():
		return plan{at: m.probe, why: Due, spare: true, probe: true}
	case m.err != nil && m.verdict.CallersOnly:
		return plan{}
	case m.err != nil && m.verdict.Harmless:
		return plan{at: m.until, why: Due}
	case m.err != nil:
		at := m.until
		if s != nil && !s.Invalid && s.RenewAt.After(at) {
			at = s.RenewAt // somebody forced a renewal, in vain
		}
		return plan{at: at, why: Due, spare: true}
	case s != nil:
		return plan{at: s.RenewAt, why: Due, spare: true}
	case eager:
		return plan{at: e.now(), why: Need}
	}
	return plan{}
}

// act starts a renewal and waits for it.
func (e *Engine[T]) act(p plan) {
	if p.probe && !e.changed(e.life, e.renew) {
		e.renew.mu.Lock()
		e.renew.memory.probe = e.now().Add(e.cfg.MaxBackOff)
		e.renew.mu.Unlock()
		return
	}
	_, _, _ = e.renew.join(e.life, func() (*Flight[T], *Snapshot[T], error) {
		return e.takeOff(e.life, e.renew, p.why)
	}) // a failure is remembered, and told, by the lane
}

// sleep waits until the alarm on the wall clock, or until it is nudged; zero: no alarm.
func (e *Engine[T]) sleep(p plan, alarm time.Time) {
	e.due.Store(nanos(p.at))
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
func (i *idleness[T]) wake(p plan, now time.Time, rests bool) time.Time {
	if rests {
		return time.Time{} // a reader nudges
	}
	if before := p.at.Add(-i.after); i.after > 0 && p.spare && !p.at.IsZero() && now.Before(before) {
		return before
	}
	return p.at
}
