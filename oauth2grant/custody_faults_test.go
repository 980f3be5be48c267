package oauth2grant_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// altered is a store that a test has a part of behave otherwise.
type altered struct {
	store
	load func(oauth2grant.Token) oauth2grant.Token
	save func(ctx context.Context, t oauth2grant.Token) error
	lock func(ctx context.Context) (context.Context, func(), error)
}

func (a altered) Load(ctx context.Context) (oauth2grant.Token, error) {
	t, err := a.store.Load(ctx)
	if err == nil && a.load != nil {
		t = a.load(t)
	}
	return t, err
}

func (a altered) Save(ctx context.Context, t oauth2grant.Token) error {
	if a.save != nil {
		if err := a.save(ctx, t); err != nil {
			return err
		}
	}
	return a.store.Save(ctx, t)
}

func (a altered) Lock(ctx context.Context) (context.Context, func(), error) {
	if a.lock != nil {
		return a.lock(ctx)
	}
	return a.store.Lock(ctx)
}

func TestCustody_SendsNothingWhereTheStoreCannotBeWritten(t *testing.T) {
	hang := func(ctx context.Context, _ oauth2grant.Token) error { <-ctx.Done(); return ctx.Err() }
	readOnly := func(context.Context, oauth2grant.Token) error { return errStoreDown }
	ended := func(ctx context.Context) (context.Context, func(), error) {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(errLeaseLost)
		return ctx, func() {}, nil
	}
	for _, c := range []struct {
		name  string
		alter altered
		want  error
		most  time.Duration // that the caller waits
	}{
		{"it is read-only", altered{save: readOnly}, errStoreDown, 0},
		{"it hangs", altered{save: hang}, context.DeadlineExceeded, 5 * time.Second},
		{"its lock is lost as soon as it is had", altered{lock: ended}, errLeaseLost, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, granttest.Config{}, func(w world) {
				seeded := w.seed()
				cfg := w.config()
				c.alter.store = store{w.b}
				cfg.Store = c.alter
				g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
				w.ensure(g)
				began := time.Now()
				_, err := g.RefreshToken(w.Context())
				w.mustFail(err, c.want)
				if waited := time.Since(began); waited > c.most {
					t.Errorf("waited %v, want at most %v", waited, c.most)
				}
				if n := w.srv.Count(granttest.Token); n != 0 {
					t.Errorf("the refresh token was sent %d times", n)
				}
				w.ensure(g) // the token that is usable is kept
				if !same(w.token(g), seeded) {
					t.Error("another token is held")
				}
			})
		})
	}
}

func TestCustody_AReadOnlyStoreCostsAFlowThatNeedsNobodyNothing(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		cfg := w.config()
		cfg.Store = altered{
			store: store{w.b}, save: func(context.Context, oauth2grant.Token) error { return errStoreDown },
		}
		for range 2 { // nobody keeps the other from the lock
			g := newGrant(w.T, oauth2grant.ClientCredentials{}, cfg)
			w.ensure(g)
			w.mustFail(g.Status().Err, errStoreDown)
		}
		time.Sleep(12 * time.Hour)
		if n := w.srv.Count(granttest.Token); n > 2*22 {
			t.Errorf("%d token requests of two grants in half a day", n)
		}
	})
}

func TestCustody_APanicOfTheStoreLeavesItsLockFree(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		cfg := w.config()
		var buggy atomic.Bool
		cfg.Store = altered{store: store{w.b}, load: func(t oauth2grant.Token) oauth2grant.Token {
			if buggy.Load() {
				panic("a bug in a store")
			}
			return t
		}}
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
		buggy.Store(true)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = g.SetToken(w.Context(), w.issued())
		}()
		buggy.Store(false)
		w.ensure(g)
	})
}

func TestCustody_AStoreThatRoundsTimesCausesNoRenewals(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		cfg := w.config()
		cfg.Store = altered{store: store{w.b}, load: func(t oauth2grant.Token) oauth2grant.Token {
			t.Expiry = t.Expiry.Truncate(time.Minute)
			return t
		}}
		g := newGrant(w.T, alice(), cfg)
		for range 30 {
			w.ensure(g)
			time.Sleep(time.Minute)
		}
		if n := w.srv.Count(granttest.Token); n != 1 {
			t.Errorf("%d token requests in half an hour", n)
		}
	})
}

func TestCustody_WhatTheStoreHoldsCounts(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		w.ensure(g)
		another := w.seed() // of another sign-in, without a word
		got, err := g.RefreshToken(w.Context())
		if err != nil || !same(got, another) {
			t.Errorf("got %v, %v, want what the store holds", got, err)
		}
		if n := w.srv.Count(granttest.Token); n != 0 {
			t.Errorf("%d token requests", n)
		}
	})
}

func TestSubscribe_TellsUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		var first, second []oauth2grant.EventKind
		stop := g.Subscribe(func(_ context.Context, e oauth2grant.Event) {
			time.Sleep(time.Second) // it may take its time
			first = append(first, e.Kind)
		})
		defer g.Subscribe(func(_ context.Context, e oauth2grant.Event) { second = append(second, e.Kind) })()
		ensure(t, g)
		pass(2 * time.Second)
		if _, err := g.RefreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop() // waits for the call under way
		if err := g.Revoke(t.Context()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
		pass(time.Minute)
		if len(first) != 2 || len(second) != 3 || second[2] != oauth2grant.EventDropped {
			t.Errorf("told %v and %v", first, second)
		}
	})
}

func TestSubscribe_DropsTheOldestForASlowReceiverAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		var told, dropped int
		release := make(chan struct{})
		defer g.Subscribe(func(_ context.Context, e oauth2grant.Event) {
			<-release
			told, dropped = told+1, dropped+e.Dropped
		})()
		const renewals = 200
		for range renewals {
			if _, err := g.RefreshToken(t.Context()); err != nil { // nobody waits for the receiver
				t.Fatal(err)
			}
		}
		close(release)
		pass(time.Second)
		if told+dropped != renewals || told > 70 {
			t.Errorf("told %d and dropped %d of %d", told, dropped, renewals)
		}
	})
}
