package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

type ctxKey struct{}

// locking are the rules of Lock within one process.
func locking() []check {
	return []check{
		{"the lock excludes other goroutines", excludesGoroutines},
		{"unlock may be repeated", unlockTwice},
		{"unlock works after the context has ended", func(b *bench) error {
			s, other, err := b.two()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(b.ctx)
			defer cancel()
			_, unlock, err := s.Lock(ctx)
			if err != nil {
				return err
			}
			cancel()
			unlock()
			return b.free(other.Lock)
		}},
		{"waiting for the lock honours the context", waitHonoursContext},
		{"held carries the values of the context and ends with it", func(b *bench) error {
			s, err := b.open()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(context.WithValue(b.ctx, ctxKey{}, "value"))
			defer cancel()
			return underLock(ctx, s, func(held context.Context) error {
				if held.Value(ctxKey{}) != "value" {
					return errors.New("held does not carry the values of the context")
				}
				if err := held.Err(); err != nil {
					return fmt.Errorf("held has ended at once: %w", err)
				}
				cancel()
				return b.ended(held, patience)
			})
		}},
		{"what is saved and deleted under the lock is there", func(b *bench) error {
			s, other, err := b.two()
			if err != nil {
				return err
			}
			return underLock(b.ctx, s, func(held context.Context) error {
				return errors.Join(
					s.Save(held, token(1)), expect(held, s, token(1)), s.Save(held, token(2)),
					expect(held, other, token(2)),
					s.Delete(held), expectNone(held, s), s.Save(held, token(3)), expect(held, other, token(3)),
				)
			})
		}},
		{"a save needs no lock", func(b *bench) error {
			s, other, err := b.two()
			if err != nil {
				return err
			}
			return underLock(b.ctx, s, func(context.Context) error {
				return within(patience, "Save without the lock", func() error {
					return errors.Join(other.Save(b.ctx, token(1)), expect(b.ctx, s, token(1)))
				})
			})
		}},
	}
}

// free fails unless the lock can be had.
func (b *bench) free(lock func(context.Context) (context.Context, func(), error)) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	_, unlock, err := lock(ctx)
	if err != nil {
		return fmt.Errorf("the lock was not free: %w", err)
	}
	unlock()
	return nil
}

// ended waits until held has ended.
func (b *bench) ended(held context.Context, most time.Duration) error {
	select {
	case <-held.Done():
		if why := context.Cause(b.ctx); why != nil { //nolint:contextcheck // that of the check, not of the lock
			return fmt.Errorf("held has not ended: %w", why)
		}
		return nil
	case <-time.After(most):
		return fmt.Errorf("held has not ended after %v", most)
	}
}

// excludesGoroutines counts in the token: who is not alone loses a count.
func excludesGoroutines(b *bench) error {
	const goroutines, rounds = 8, 5
	if err := b.startCount(); err != nil {
		return err
	}
	s, other, err := b.two()
	if err != nil {
		return err
	}
	inside := make(chan struct{}, 1)
	var g errgroup.Group
	for n := range goroutines {
		store := s
		if n%2 == 1 {
			store = other
		}
		g.Go(func() error {
			for range rounds {
				err := underLock(b.ctx, store, func(held context.Context) error {
					select {
					case inside <- struct{}{}:
					default:
						return errors.New("two goroutines hold the lock at once")
					}
					defer func() { <-inside }()
					return countOn(held, store)
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := b.all("passing the lock around", g.Wait); err != nil {
		return err
	}
	return expect(b.ctx, s, token(goroutines*rounds))
}

// startCount saves token 0.
func (b *bench) startCount() error {
	s, err := b.open()
	if err != nil {
		return err
	}
	return s.Save(b.ctx, token(0))
}

// countOn replaces token n by token n+1.
func countOn(held context.Context, s oauth2grant.Store) error {
	t, err := s.Load(held)
	if err != nil {
		return err
	}
	n := number(t)
	if n < 0 {
		return errors.New("Load gave a token that nobody saved")
	}
	return s.Save(held, token(n+1))
}

// unlockTwice releases a lock again while another holds it.
func unlockTwice(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	_, unlock, err := s.Lock(b.ctx)
	if err != nil {
		return err
	}
	unlock()
	unlock()
	return underLock(b.ctx, other, func(held context.Context) error {
		unlock()
		return taken(held, s.Lock)
	})
}

// taken fails unless another holds the lock, and unless the wait for it ends
// with its context.
func taken(ctx context.Context, lock func(context.Context) (context.Context, func(), error)) error {
	ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	return within(patience, "Lock with a deadline of 200 ms", func() error {
		_, unlock, err := lock(ctx)
		if err == nil {
			unlock()
			return errors.New("a second holder got the lock")
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("waiting for the lock gave %w, want context.DeadlineExceeded", err)
		}
		return nil
	})
}

func waitHonoursContext(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	_, unlock, err := s.Lock(b.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, lock := range []func(context.Context) (context.Context, func(), error){s.Lock, other.Lock} {
		if err := taken(b.ctx, lock); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(b.ctx)
	time.AfterFunc(50*time.Millisecond, cancel)
	err = within(patience, "Lock with a cancelled context", func() error { _, _, err := other.Lock(ctx); return err })
	if !errors.Is(err, context.Canceled) {
		return fmt.Errorf("waiting for the lock gave %s, want context.Canceled", outcome(err))
	}
	unlock()
	return b.free(other.Lock)
}
