package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Lock waits for every other holder, in this process and in others, until ctx ends. held ends with ctx, with Family.Close, and when the connection of the
// lock is lost: then its cause wraps ErrLockLost. unlock blocks for Config.Timeout at most. Besides those of the connection, the errors are that of ctx and
// ErrClosed.
func (s Store) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	wait := newBackOff(500 * time.Millisecond)
	for {
		began := time.Now()
		l, err := s.try(ctx)
		if err != nil {
			return nil, nil, err
		}
		if l != nil {
			return s.hold(ctx, l, began.Add(s.family.cfg.Lease))
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
	if ctx.Err() != nil {
		return nil, fail(ctx, "lock", s.key, nil)
	}
	limited, cancel := context.WithTimeout(ctx, s.family.cfg.Timeout)
	defer cancel()
	conn, err := s.family.pool.Acquire(limited)
	if err != nil {
		return nil, fail(ctx, "lock", s.key, err)
	}
	l := &lease{conn: conn, turn: make(chan struct{}, 1)}
	var locked bool
	patience := strconv.FormatInt(s.family.cfg.Lease.Milliseconds(), 10)
	if err = conn.QueryRow(limited, tryLock, s.key, patience).Scan(&locked); err == nil && locked {
		err = conn.QueryRow(limited, takeFence, s.key).Scan(&l.fence, &l.version)
	}
	switch {
	case err != nil:
		s.discard(ctx, conn)
		return nil, fail(ctx, "lock", s.key, err)
	case !locked:
		conn.Release()
		return nil, nil
	}
	return l, nil
}

// discard ends a connection, and with it the lock that it may have.
func (s Store) discard(ctx context.Context, conn *pgxpool.Conn) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.family.cfg.Timeout)
	defer cancel()
	_ = conn.Conn().Close(limited)
	conn.Release()
}

// release gives the lock back, or ends the connection if that fails.
func (s Store) release(ctx context.Context, l *lease) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.family.cfg.Timeout)
	defer cancel()
	l.turn <- struct{}{} // whoever has it is bounded by Timeout
	defer func() { <-l.turn }()
	conn := l.conn
	l.conn = nil
	var unlocked bool
	if err := conn.QueryRow(limited, giveLock, s.key).Scan(&unlocked, nil); err != nil || !unlocked {
		s.discard(ctx, conn)
		return
	}
	conn.Release()
}

// hold watches the connection until unlock.
func (s Store) hold(ctx context.Context, l *lease, until time.Time) (held context.Context, unlock func(), err error) {
	held, cancel := context.WithCancelCause(context.WithValue(ctx, leaseKey(s), l))
	watched, stop := context.WithCancel(s.family.life)
	ended := make(chan struct{})
	if !s.family.spawn(func() {
		defer close(ended)
		if lost := s.watch(watched, l, until); lost != nil {
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
		s.release(ctx, l)
	}), nil
}

// watch asks the connection for a sign of life until ctx ends, and gives an error if there is none, by the time that the server gives up this session.
func (s Store) watch(ctx context.Context, l *lease, until time.Time) error {
	pause := min(time.Second, s.family.cfg.Lease/6)
	for sleep(ctx, pause) {
		now := time.Now()
		limited, cancel := context.WithDeadline(ctx, until)
		err := l.use(limited, func(q querier) error {
			if q == nil {
				return errors.New("the connection was closed")
			}
			whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(s.family.cfg.Timeout, time.Until(until)))
			defer cancel()
			_, err := q.Exec(whole, ";")
			return err
		})
		cancel()
		if err == nil {
			until = now.Add(s.family.cfg.Lease)
		} else if ctx.Err() == nil {
			return fmt.Errorf("%w: %w", ErrLockLost, fail(ctx, "lock", s.key, err))
		}
	}
	return nil
}
