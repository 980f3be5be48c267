package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// leasing are the rules for what a lock needs to stay good, and leaves behind.
func leasing(h Harness) []check {
	list := []check{
		{"a Lock that is cancelled leaves no lock", cancelledLocks},
		{"nothing goes on after the stores are closed", nothingGoesOn},
	}
	if h.Lease > 0 {
		list = append(list, check{"a lock that is held outlives its lease", outlivesLease})
	}
	if h.Lease > 0 && h.Break != nil {
		list = append(list, check{"held ends when the backend is away for longer than the lease", endsInOutage})
	}
	if h.LoseLease != nil {
		list = append(list, check{"a save that is under way when the lock is lost is not the last", saveUnderWay})
	}
	return list
}

func cancelledLocks(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	for range 30 {
		ctx, cancel := context.WithTimeout(b.ctx, rand.N(3*time.Millisecond))
		_, unlock, err := s.Lock(ctx)
		if err == nil {
			unlock()
		}
		cancel()
		if err := b.free(other.Lock); err != nil {
			return fmt.Errorf("after a Lock that was cancelled: %w", err)
		}
	}
	return nil
}

// nothingGoesOn counts goroutines, so other tests must not run beside it.
func nothingGoesOn(b *bench) error {
	before := runtime.NumGoroutine()
	for range 5 {
		s, err := b.open()
		if err != nil {
			return err
		}
		err = underLock(b.ctx, s, func(held context.Context) error {
			return errors.Join(taken(b.ctx, s.Lock), s.Save(held, token(1))) //nolint:contextcheck // another's Lock
		})
		if n, ok := s.(watched).Store.(oauth2grant.Notifier); ok {
			n.Notify(func() {})()
		}
		if err := errors.Join(err, b.close()); err != nil {
			return err
		}
	}
	for end := time.Now().Add(patience); runtime.NumGoroutine() > before+4; runtime.Gosched() { // less than one for each store
		if time.Now().After(end) {
			return fmt.Errorf("there were %d goroutines before five stores were used and closed, and are %d", before, runtime.NumGoroutine())
		}
	}
	return nil
}

func outlivesLease(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	return underLock(b.ctx, s, func(held context.Context) error {
		ctx, cancel := context.WithTimeout(b.ctx, 2*b.Lease)
		defer cancel()
		if _, unlock, err := other.Lock(ctx); err == nil {
			unlock()
			return fmt.Errorf("a lock that was held for less than %v was given to another, with a lease of %v", 2*b.Lease, b.Lease)
		}
		return errors.Join(held.Err(), s.Save(held, token(1)))
	})
}

func endsInOutage(b *bench) error {
	s, err := b.open()
	if err != nil {
		return err
	}
	held, unlock, err := s.Lock(b.ctx)
	if err != nil {
		return err
	}
	defer unlock()
	heal, err := b.Break(b.place)
	if err != nil {
		return fmt.Errorf("break the backend: %w", err)
	}
	defer heal()
	if err := b.ended(held, b.Lease+patience); err != nil {
		return err
	}
	if cause := context.Cause(held); !errors.Is(cause, oauth2grant.ErrLockLost) {
		return fmt.Errorf("held ended because of %w, want oauth2grant.ErrLockLost", cause)
	}
	return nil
}

// saveUnderWay lets a lock be lost, and taken by another who saves, at some
// point of a save. Whatever becomes of that save, it must not be what is there
// then.
func saveUnderWay(b *bench) error {
	s, other, err := b.two()
	if err != nil {
		return err
	}
	for round := range 20 {
		held, unlock, err := s.Lock(b.ctx)
		if err != nil {
			return err
		}
		if err := s.Save(held, token(1)); err != nil {
			unlock()
			return err
		}
		var g errgroup.Group
		g.Go(func() error { _ = s.Save(context.WithoutCancel(held), token(99)); return nil })
		g.Go(func() error {
			if err := b.LoseLease(b.place); err != nil {
				return fmt.Errorf("take the lease away: %w", err)
			}
			return underLock(b.ctx, other, func(newer context.Context) error { return other.Save(newer, token(2)) })
		})
		err = within(patience, "a save and a change of holders", g.Wait)
		unlock()
		if err := errors.Join(err, expect(b.ctx, other, token(2))); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return nil
}
