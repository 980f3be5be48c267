package redisstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bsm/redislock"
	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"
)

// leaseKey finds the lease of one store in a context.
type leaseKey struct {
	family *Family
	key    string
}

// lease is one holding of the lock.
type lease struct {
	lock           *redislock.Lock
	until          time.Time // when Redis may let it expire, by our clock
	fence, version string
	released       atomic.Bool
}

// Lock waits for every other holder, in this process and in others, until ctx ends. held ends with ctx, with Family.Close, and when the lease is lost: then
// its cause wraps ErrLockLost. unlock blocks for Config.Timeout at most. Besides those of the connection, the errors are that of ctx and ErrClosed.
func (s Store) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	wait := newBackOff(500 * time.Millisecond)
	for {
		l, err := s.try(ctx)
		if err != nil {
			return nil, nil, err
		}
		if l != nil {
			return s.hold(ctx, l)
		}
		if !sleep(ctx, wait.NextBackOff()) {
			return nil, nil, fail(ctx, "lock", s.key, errors.New("somebody else holds it"))
		}
	}
}

// newBackOff gives a schedule of random waits that get longer.
func newBackOff(most time.Duration) *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(backoff.WithInitialInterval(20*time.Millisecond), backoff.WithMaxInterval(most), backoff.WithMaxElapsedTime(0))
}

// sleep tells whether it came to its end before ctx.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// try takes the lock if nobody has it; nil without an error: somebody has.
func (s Store) try(ctx context.Context) (*lease, error) {
	l := &lease{until: time.Now().Add(s.family.cfg.Lease)}
	err := s.exchange(ctx, "lock", func(ctx context.Context) (err error) {
		l.lock, err = s.family.locker.Obtain(ctx, s.lock(), s.family.cfg.Lease, nil)
		return err
	})
	if errors.Is(err, redislock.ErrNotObtained) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var answer []string
	err = s.exchange(ctx, "lock", func(ctx context.Context) (err error) {
		answer, err = fenceScript.Run(ctx, s.family.client, []string{s.token(), s.state(), s.lock()}, l.lock.Token(), remembered.Milliseconds()).StringSlice()
		if errors.Is(err, redis.Nil) { // lost before it was begun
			return redislock.ErrNotObtained
		}
		return err
	})
	if errors.Is(err, redislock.ErrNotObtained) {
		return nil, nil
	} else if err != nil {
		s.release(ctx, l)
		return nil, err
	}
	l.fence, l.version = answer[0], answer[1]
	return l, nil
}

// release gives the lock back if it is still ours; if that fails, the lease ends it.
func (s Store) release(ctx context.Context, l *lease) {
	_ = s.exchange(context.WithoutCancel(ctx), "unlock", l.lock.Release)
}

// hold keeps the lease until unlock.
func (s Store) hold(ctx context.Context, l *lease) (held context.Context, unlock func(), err error) {
	held, cancel := context.WithCancelCause(context.WithValue(ctx, leaseKey{s.family, s.key}, l))
	kept, stop := context.WithCancel(s.family.life)
	ended := make(chan struct{})
	var lost error
	if !s.family.spawn(func() {
		defer close(ended)
		if lost = s.extend(kept, l); lost != nil {
			cancel(lost)
		} else if s.family.life.Err() != nil {
			cancel(ErrClosed)
		}
	}) {
		stop()
		cancel(ErrClosed)
		s.release(ctx, l)
		return nil, nil, ErrClosed
	}
	return held, sync.OnceFunc(func() {
		l.released.Store(true)
		stop()
		<-ended
		cancel(fmt.Errorf("%w: unlock was called", ErrLockLost))
		if lost == nil {
			s.release(ctx, l)
		}
	}), nil
}

// extend extends the lease until ctx ends, and gives an error if it is lost before.
func (s Store) extend(ctx context.Context, l *lease) error {
	var last error
	for {
		if !sleep(ctx, min(s.family.cfg.Lease/3, time.Until(l.until))) {
			return nil
		}
		now := time.Now()
		if !now.Before(l.until) {
			return errors.Join(fmt.Errorf("%w: the lease is over and was not extended", ErrLockLost), last)
		}
		limited, cancel := context.WithDeadline(ctx, l.until)
		last = s.exchange(limited, "extend the lock", func(ctx context.Context) error { return l.lock.Refresh(ctx, s.family.cfg.Lease, nil) })
		cancel()
		switch {
		case last == nil:
			l.until = now.Add(s.family.cfg.Lease)
		case errors.Is(last, redislock.ErrNotObtained):
			return fmt.Errorf("%w: it expired, or Redis was wiped", ErrLockLost)
		}
	}
}
