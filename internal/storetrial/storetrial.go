// Package storetrial tries grants, and locks, of several processes on a store
// with a real server that is cut off, restarted and wiped.
package storetrial

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// Backend is a store with its server.
type Backend struct {
	// Open returns the store of a key over the server at addr, host:port, with
	// all connections its own, as another process has it; it ends with the
	// test.
	Open        func(tb testing.TB, addr, key string) oauth2grant.Store
	Addr        string
	Stop, Start func()              // of the server; it keeps its data
	Wipe        func(tb testing.TB) // empties the server
	LockLost    error               // what a Save without the lock returns
}

// Run tries everything.
func Run(t *testing.T, b Backend) {
	t.Helper()
	t.Run("a wiped store means signed out, and nothing is refreshed", b.wiped)
	t.Run("behind a partition a token goes on, nothing is refreshed, and it heals by itself", b.partition)
	t.Run("a holder behind a partition loses its lock", b.lostHolder)
	t.Run("after a restart of the server grants and locks recover by themselves", b.restart)
	t.Run("a revocation is known to others at once", b.revocation)
}

// signedIn returns an authorization server and a token of it for the store to
// start from.
func signedIn(lifetime time.Duration) (*granttest.Server, oauth2grant.Token) {
	s := granttest.New(granttest.Config{Lifetime: lifetime})
	access, refresh, expiresIn := s.Issue("client", "alice")
	return s, oauth2grant.Token{
		AccessToken: access, RefreshToken: refresh, TokenType: "Bearer",
		Expiry: time.Now().Add(expiresIn).Round(0).UTC(),
	}
}

// grant returns a grant on a store. It never asks a person.
func grant(
	tb testing.TB, s *granttest.Server, store oauth2grant.Store, adjust func(*oauth2grant.Config),
) *oauth2grant.Grant {
	tb.Helper()
	cfg := oauth2grant.Config{
		Server:     oauth2grant.Server{TokenURL: s.URL(granttest.Token), RevocationURL: s.URL(granttest.Revocation)},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: s.HTTPClient(),
		Store:      store,
		Refresh:    oauth2grant.Refresh{MinBackOff: 50 * time.Millisecond, MaxBackOff: 200 * time.Millisecond},
	}
	if adjust != nil {
		adjust(&cfg)
	}
	g, err := oauth2grant.New(tb.Context(), oauth2grant.RefreshOnly{}, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := g.Close(); err != nil {
			tb.Error(err)
		}
	})
	return g
}

func (b Backend) wiped(t *testing.T) {
	server, token := signedIn(time.Hour)
	store := b.Open(t, b.Addr, t.Name())
	must(t, store.Save(t.Context(), token))
	g := grant(t, server, store, nil)
	if _, err := g.RefreshToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := server.Count(granttest.Token)
	b.Wipe(t)
	if _, err := store.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("Load gave %v", err)
	}
	if _, err := g.RefreshToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
		t.Errorf("RefreshToken gave %v", err)
	}
	if after := server.Count(granttest.Token); after != before {
		t.Errorf("%d token requests were made", after-before)
	}
}

func (b Backend) partition(t *testing.T) {
	const lifetime = 30 * time.Second
	server, token := signedIn(lifetime)
	must(t, b.Open(t, b.Addr, t.Name()).Save(t.Context(), token))
	proxy := testservers.StartProxy(t, b.Addr)
	failed, renewed := make(chan error, 100), make(chan oauth2grant.Token, 100)
	g := grant(t, server, b.Open(t, proxy.Addr(), t.Name()), func(cfg *oauth2grant.Config) {
		cfg.Refresh.Before, cfg.Refresh.Jitter = lifetime/2, -1
		cfg.OnEvent = func(_ context.Context, e oauth2grant.Event) {
			if e.Err != nil {
				failed <- e.Err
			} else {
				renewed <- e.Token
			}
		}
	})
	must(t, g.EnsureActiveToken(t.Context()))
	progress.Await(t, "a token", renewed)

	proxy.Swallow()
	before := server.Count(granttest.Token)
	err := progress.Await(t, "a failure to renew", failed)
	if errors.Is(err, oauth2grant.ErrLoginRequired) || !g.Status().Usable {
		t.Errorf("behind the partition the error is %v, and the grant %v", err, g)
	}
	must(t, g.EnsureActiveToken(t.Context()))
	if n := server.Count(granttest.Token) - before; n != 0 {
		t.Errorf("%d refreshes without the lock", n)
	}

	proxy.Heal()
	next := progress.Await(t, "a renewed token", renewed)
	if stored, err := b.Open(t, b.Addr, t.Name()).Load(t.Context()); err != nil ||
		stored.AccessToken != next.AccessToken {
		t.Errorf("the store holds %v, %v: not what the grant has", stored, err)
	}
	if server.ReuseDetected() != 0 {
		t.Error("a refresh token was used twice")
	}
}

func (b Backend) lostHolder(t *testing.T) {
	proxy := testservers.StartProxy(t, b.Addr)
	cut, other := b.Open(t, proxy.Addr(), t.Name()), b.Open(t, b.Addr, t.Name())
	older := oauth2grant.Token{AccessToken: "older", TokenType: "Bearer"}
	newer := oauth2grant.Token{AccessToken: "newer", TokenType: "Bearer"}
	held, unlock, err := cut.Lock(t.Context())
	must(t, err)
	defer unlock()
	proxy.Swallow()
	progress.Await(t, "the end of held", held.Done())
	if cause := context.Cause(held); !errors.Is(cause, b.LockLost) {
		t.Errorf("held ended because of %v", cause)
	}
	ctx, cancel := context.WithTimeout(t.Context(), progress.Limit)
	defer cancel()
	newest, giveBack, err := other.Lock(ctx)
	must(t, err)
	defer giveBack()
	must(t, other.Save(newest, newer))
	proxy.Heal()
	proxy.Cut()
	progress.Retry(t, "a Save that was refused", func() error {
		if err := cut.Save(context.WithoutCancel(held), older); !errors.Is(err, b.LockLost) {
			return fmt.Errorf("a Save with the lock that was lost gave %w", errors.Join(err, errors.New("no refusal")))
		}
		return nil
	})
	unlock()
	if got, err := other.Load(newest); err != nil || got != newer {
		t.Errorf("the store holds %v, %v", got, err)
	}
}

func (b Backend) restart(t *testing.T) {
	server, token := signedIn(time.Hour)
	store := b.Open(t, b.Addr, t.Name())
	must(t, store.Save(t.Context(), token))
	g := grant(t, server, store, nil)
	must(t, g.EnsureActiveToken(t.Context()))
	b.Stop()
	if _, err := g.RefreshToken(t.Context()); err == nil || errors.Is(err, oauth2grant.ErrLoginRequired) {
		t.Errorf("without the server RefreshToken gave %v", err)
	}
	if _, err := store.Load(t.Context()); err == nil || errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("without the server Load gave %v", err)
	}
	must(t, g.EnsureActiveToken(t.Context()))
	b.Start()
	progress.Retry(t, "a renewal", func() error { _, err := g.RefreshToken(t.Context()); return err })
	if n := server.Count(granttest.Token); n != 1 || server.ReuseDetected() != 0 {
		t.Errorf("%d refreshes, want 1", n)
	}
}

func (b Backend) revocation(t *testing.T) {
	server, token := signedIn(time.Hour)
	store := b.Open(t, b.Addr, t.Name())
	must(t, store.Save(t.Context(), token))
	one, other := grant(t, server, store, nil), grant(t, server, b.Open(t, b.Addr, t.Name()), nil)
	must(t, errors.Join(one.EnsureActiveToken(t.Context()), other.EnsureActiveToken(t.Context())))
	must(t, one.Revoke(t.Context()))
	revoked := time.Now()
	progress.Retry(t, "the news", func() error {
		if err := other.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
			return fmt.Errorf("the other grant gives %w", errors.Join(err, errors.New("no ErrLoginRequired")))
		}
		return nil
	})
	t.Logf("known after %v", time.Since(revoked))
	if n := server.Count(granttest.Token); n != 0 {
		t.Errorf("%d refreshes", n)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
