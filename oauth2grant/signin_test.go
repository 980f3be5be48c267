package oauth2grant_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// person is an interactive flow that a test plays.
type person struct {
	srv  *granttest.Server
	tabs atomic.Int32
	run  func(ctx context.Context) error // nil: signs in after a second
}

func (p *person) Interactive() bool { return true }

func (p *person) Run(ctx context.Context, c *oauth2grant.Client) (oauth2grant.Token, error) {
	p.tabs.Add(1)
	if p.run != nil {
		if err := p.run(ctx); err != nil {
			return oauth2grant.Token{}, err
		}
	} else {
		time.Sleep(time.Second)
	}
	access, refresh, life := p.srv.Issue("client", "alice", "read")
	return oauth2grant.Token{AccessToken: access, RefreshToken: refresh, Expiry: time.Now().Add(life)}, nil
}

func TestSignIn_TenGrantsOnOneStoreOpenOneTab(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		p := &person{srv: w.srv}
		var wg sync.WaitGroup
		for range 10 {
			g := newGrant(w.T, p, w.config())
			for range 10 {
				wg.Go(func() { w.ensure(g) })
			}
		}
		wg.Wait()
		if n := p.tabs.Load(); n != 1 {
			t.Errorf("%d tabs were opened", n)
		}
	})
}

func TestSignIn_TheBackgroundAndRefreshTokenNeverAskAPerson(t *testing.T) {
	inWorld(t, granttest.Config{Lifetime: time.Minute}, func(w world) {
		p := &person{srv: w.srv}
		cfg := w.config()
		cfg.Refresh.Eager = true
		g := newGrant(w.T, p, cfg)
		_, err := g.RefreshToken(w.Context())
		w.mustFail(err, oauth2grant.ErrLoginRequired)
		w.ensure(g)
		w.srv.RevokeToken(w.b.get().RefreshToken)
		time.Sleep(time.Hour)
		if n := p.tabs.Load(); n != 1 {
			t.Errorf("%d tabs were opened, want the one that a caller asked for", n)
		}
		w.mustFail(failureOf(g.RefreshToken(w.Context())), oauth2grant.ErrLoginRequired)
		w.ensure(g) // a caller may ask again
		if n := p.tabs.Load(); n != 2 {
			t.Errorf("%d tabs were opened, want 2", n)
		}
	})
}

func TestSignIn_StopsWhenItsLastWaiterLeavesAndWaitsForTheBackOff(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		stopped := make(chan struct{}, 10)
		p := &person{srv: w.srv, run: func(ctx context.Context) error {
			<-ctx.Done()
			stopped <- struct{}{}
			return ctx.Err()
		}}
		g := newGrant(w.T, p, w.config())
		impatient := func() error {
			ctx, cancel := context.WithTimeout(w.Context(), 10*time.Millisecond)
			defer cancel()
			return g.EnsureActiveToken(ctx)
		}
		w.mustFail(impatient(), context.DeadlineExceeded)
		<-stopped
		for range 3 {
			if impatient() == nil {
				t.Error("a call within the back-off did not fail")
			}
		}
		if n := p.tabs.Load(); n != 1 {
			t.Errorf("impatient callers opened %d tabs", n)
		}
		p.run = nil
		time.Sleep(time.Minute)
		w.ensure(g)
	})
}

func TestGrant_ACallFromItsOwnFlowFailsAtOnce(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		cfg := w.config()
		cfg.Store = nil
		var a, b *oauth2grant.Grant
		a = newGrant(w.T, flowFunc(func(ctx context.Context, _ *oauth2grant.Client) (oauth2grant.Token, error) {
			return b.Token(ctx)
		}), cfg)
		b = newGrant(w.T, flowFunc(func(ctx context.Context, _ *oauth2grant.Client) (oauth2grant.Token, error) {
			return a.Token(ctx)
		}), cfg)
		start := time.Now()
		if err := a.EnsureActiveToken(w.Context()); err == nil || !strings.Contains(err.Error(), "own flow") {
			t.Errorf("a circle of grants gave %v", err)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestSignIn_WhoComesDuringItKeepsItGoing(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		p := &person{srv: w.srv, run: func(ctx context.Context) error {
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		g := newGrant(w.T, p, w.config())
		first, leave := context.WithTimeout(w.Context(), 30*time.Second)
		defer leave()
		left := make(chan error, 1)
		go func() { left <- g.EnsureActiveToken(first) }()
		time.Sleep(10 * time.Second)
		_, err := g.RefreshToken(w.Context())
		w.mustFail(err, oauth2grant.ErrLoginRequired) // at once: a person is being asked
		w.ensure(g)
		w.mustFail(<-left, context.DeadlineExceeded)
		if n := p.tabs.Load(); n != 1 {
			t.Errorf("%d tabs were opened", n)
		}
	})
}
