package leasestore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// leaseKey finds the lease of one store in a context.
type leaseKey Store

// lease is one holding of the lock.
type lease struct {
	fence, version int64
	released       atomic.Bool

	// mu guards what follows.
	mu     sync.Mutex
	until  time.Time // when the lease may be over, on both clocks
	marked bool      // once a token with a mark was saved
}

// lease returns that of a context; nil: none.
func (s Store) lease(ctx context.Context) *lease {
	l, _ := ctx.Value(leaseKey(s)).(*lease)
	return l
}

func (l *lease) state() (until time.Time, marked bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until, l.marked
}

// hold is called before an exchange that lets the lease last for d, with a mark
// or without, and what it returns after one that has.
func (l *lease) hold(d time.Duration, mark bool) (held func()) {
	until := time.Now().Add(d)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !over(l.until, time.Now()) && until.After(l.until) { // one that was over stays so
			l.until = until
		}
		l.marked = l.marked || mark
	}
}

// over reports whether a time has come, on the monotonic clock or on the wall
// clock: each of them may have stood still.
func over(at, now time.Time) bool {
	return !now.Before(at) || !now.Round(0).Before(at.Round(0))
}

// heldContext is what a holder gets. Its Err looks at the clocks: after a
// machine or a process was stopped it knows before any timer does.
type heldContext struct {
	context.Context
	lease *lease
	lose  context.CancelCauseFunc
}

func (h heldContext) Err() error {
	if until, _ := h.lease.state(); over(until, time.Now()) {
		h.lose(errOver)
	}
	return h.Context.Err()
}
