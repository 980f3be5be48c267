package leasestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// notice is what the holder of a mark is left to be heard of again by somebody
// who has not watched the database until the lease was over.
const notice = 3 * time.Second

// Lock waits for every other holder, in this process and in others, until ctx
// ends. held ends with ctx, with [Family.Close], and when the lease is lost:
// then its cause wraps [oauth2grant.ErrLockLost]. Its Err looks at both clocks;
// a context derived from it learns of the end a moment later. The lease is
// extended until unlock, which blocks for two exchanges at most. Besides those
// of the database and of [Family.Check], the errors are that of ctx and
// [ErrClosed].
func (s Store) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	if !s.family.checked.Load() {
		if err := s.family.Check(ctx); err != nil {
			return nil, nil, err
		}
	}
	done, err := s.family.queue(ctx, s.key)
	if err != nil {
		return nil, nil, s.failed("lock", fmt.Errorf("%w: another caller holds it", ended(ctx, err)))
	}
	l, err := s.acquire(ctx)
	if err == nil {
		held, unlock, err = s.hold(ctx, l, done)
	}
	if err != nil {
		done()
		return nil, nil, s.failed("lock", err)
	}
	return held, unlock, nil
}

// acquire tries until it has the lock.
func (s Store) acquire(ctx context.Context) (*lease, error) {
	wait := newWait(500 * time.Millisecond)
	var last time.Time // of the last try
	for {
		now := time.Now()
		left := notice
		if !over(last.Add(2*time.Second), now) { // watched until now
			left = 0
		}
		try, err := s.try(ctx, left)
		if err != nil {
			return nil, err
		}
		l := &lease{fence: try.Fence, version: try.Version, until: now.Add(s.family.cfg.Lease)}
		last = time.Now()
		switch {
		case try.Fence == 0:
		case over(l.until, last):
			s.release(ctx, try.Fence)
			return nil, fmt.Errorf("%w: the lease was over before the database had answered", context.DeadlineExceeded)
		default:
			return l, nil
		}
		if !sleep(ctx, min(wait.next(), try.Wait+time.Millisecond)) {
			return nil, fmt.Errorf("%w: somebody else holds it", ended(ctx, ctx.Err()))
		}
	}
}

// try tries once. A lock that it gets after the caller has left is given back.
func (s Store) try(ctx context.Context, left time.Duration) (Try, error) {
	var try Try
	answered := make(chan error)
	if !s.family.spawn(func() {
		err := s.family.exchange(context.WithoutCancel(ctx), func(ctx context.Context) (err error) {
			try, err = s.family.backend.TryLock(ctx, s.key, s.family.cfg.Lease, left)
			return err
		})
		select {
		case answered <- err:
		case <-ctx.Done():
			if try.Fence != 0 {
				s.release(ctx, try.Fence)
			}
		}
	}) {
		return Try{}, ErrClosed
	}
	select {
	case err := <-answered:
		return try, err
	case <-ctx.Done():
		return Try{}, ended(ctx, ctx.Err())
	}
}

// hold extends the lease until unlock.
func (s Store) hold(ctx context.Context, l *lease, done func()) (held context.Context, unlock func(), err error) {
	inner, cancel := context.WithCancelCause(context.WithValue(ctx, leaseKey(s), l))
	kept, stop := context.WithCancel(s.family.life)
	ended := make(chan struct{})
	unlock = sync.OnceFunc(func() {
		l.released.Store(true)
		stop()
		<-ended
		cancel(errUnlocked)
		s.release(ctx, l.fence)
		done()
	})
	if !s.family.spawn(func() {
		defer close(ended)
		if s.extend(kept, l, cancel) {
			done() // the next one in this process need not wait for unlock
		} else if s.family.life.Err() != nil {
			cancel(ErrClosed)
		}
	}) {
		close(ended)
		unlock()
		return nil, nil, ErrClosed
	}
	return heldContext{inner, l, cancel}, unlock, nil
}

// release returns the lock back if it is still ours; if that fails, the lease
// ends it.
func (s Store) release(ctx context.Context, fence int64) {
	_ = s.family.exchange(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return s.family.backend.Unlock(ctx, s.key, fence)
	})
}

var (
	errOver     = fmt.Errorf("%w: the lease is over and was not extended", oauth2grant.ErrLockLost)
	errUnlocked = fmt.Errorf("%w: unlock was called", oauth2grant.ErrLockLost)
)

// extend extends the lease until ctx ends, or reports that it is lost. One that
// is over is lost for held, but with a mark it is still extended: an answer may
// be on its way.
func (s Store) extend(ctx context.Context, l *lease, lose context.CancelCauseFunc) (lost bool) {
	var last error
	third := s.family.cfg.Lease / 3
	until, marked := l.state()
	pause := time.Until(until) - 2*third // less, if it took long to take the lock
	for ; ; until, marked = l.state() {
		if over(until, time.Now()) {
			lose(errors.Join(errOver, last))
			if !marked {
				return true
			}
			until = time.Now().Add(markLife)
		}
		if !sleep(ctx, min(pause, time.Until(until))) {
			return false
		}
		d := s.family.cfg.Lease
		if marked {
			d = max(d, markLife)
		}
		extended, held := false, l.hold(d, marked)
		began := time.Now()
		limited, cancel := context.WithTimeout(ctx, time.Until(until))
		last = s.family.exchange(limited, func(ctx context.Context) (err error) {
			extended, err = s.family.backend.Extend(ctx, s.key, l.fence, d)
			return err
		})
		cancel()
		switch {
		case last != nil:
			pause = min(third, 250*time.Millisecond)
		case extended:
			held()
			pause = third - time.Since(began)
		default:
			lose(fmt.Errorf("%w: somebody else has taken it, or the database was wiped", oauth2grant.ErrLockLost))
			return true
		}
	}
}

// wait is a schedule of random waits that get longer.
type wait struct{ now, most time.Duration }

func newWait(most time.Duration) *wait { return &wait{20 * time.Millisecond, most} }

func (w *wait) next() time.Duration {
	d := w.now/2 + rand.N(w.now)
	w.now = min(w.now*3/2, w.most)
	return min(d, w.most)
}

// sleep reports whether it came to its end before ctx.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
