package engine

import (
	"cmp"
	"fmt"
	"time"
)

// Health returns how renewing goes: the failures in a row, the last of them,
// and when the background tries next, zero if it does not by itself.
func (e *Engine[T]) Health() (failures int, next time.Time, last error) {
	e.renew.mu.Lock()
	renewal, s := e.renew.memory, e.current.Load()
	switch {
	case e.cfg.Passive || renewal.refusedToAll():
	case renewal.retries():
		next = e.now().Add(time.Until(renewal.again))
	case s != nil:
		next = s.RenewAt
	}
	failures, last = renewal.failures()
	e.renew.mu.Unlock()
	e.signIn.mu.Lock()
	defer e.signIn.mu.Unlock()
	more, other := e.signIn.memory.failures()
	return failures + more, next, joined(last, other)
}

func joined(a, b error) error {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	return fmt.Errorf("%w: %w", a, b)
}
