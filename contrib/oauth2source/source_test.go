package oauth2source_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/oauth2grant/go-oauth2grant/contrib/oauth2source"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestTokenSource_SharesOneRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Token, granttest.Fault{Delay: time.Second})
		src := oauth2source.TokenSource(t.Context(), open(t, oauth2grant.ClientCredentials{}, configFor(srv)), 0)
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() {
				if tok, err := src.Token(); err != nil || tok.AccessToken == "" {
					t.Errorf("got %v", err)
				}
			})
		}
		callers.Wait()
		if n := srv.Count(granttest.Token); n != 1 {
			t.Errorf("%d token requests", n)
		}
	})
}

func TestTokenSource_HandsOutWhatTheGrantHolds(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	cfg.Scopes = []string{"openid"}
	g := open(t, oauth2grant.Password{Username: "alice", Password: "wonderland"}, cfg)
	tok, err := oauth2source.TokenSource(t.Context(), g, 0).Token()
	if err != nil {
		t.Fatal(err)
	}
	held, err := g.Token(t.Context())
	if err != nil || tok.AccessToken != held.AccessToken || tok.Type() != "Bearer" || tok.Extra("scope") != "openid" {
		t.Errorf("got a token of type %s and scope %v; %v", tok.Type(), tok.Extra("scope"), err)
	}
	if held.RefreshToken == "" || tok.RefreshToken != "" || tok.Extra("refresh_token") != nil {
		t.Error("the refresh token left the grant")
	}
	if tok.Valid() || time.Until(held.Expiry) < time.Minute {
		t.Error("it may be kept")
	}
}

// authorizations notes what requests carry.
type authorizations struct{ seen []string }

func (a *authorizations) RoundTrip(r *http.Request) (*http.Response, error) {
	a.seen = append(a.seen, r.Header.Get("Authorization"))
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

func TestTokenSource_IsNotCachedOver(t *testing.T) {
	for name, lifetime := range map[string]time.Duration{
		"a token of an hour": time.Hour, "one of unknown lifetime": -1,
	} {
		for through, reuse := range map[string]func(context.Context, oauth2.TokenSource) oauth2.TokenSource{
			"NewClient": func(_ context.Context, src oauth2.TokenSource) oauth2.TokenSource { return src },
			"ReuseTokenSource": func(_ context.Context, src oauth2.TokenSource) oauth2.TokenSource {
				return oauth2.ReuseTokenSource(nil, src)
			},
			"an early expiry": func(_ context.Context, src oauth2.TokenSource) oauth2.TokenSource {
				return oauth2.ReuseTokenSourceWithExpiry(nil, src, time.Nanosecond)
			},
		} {
			t.Run(name+" through "+through, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := granttest.New(granttest.Config{Lifetime: lifetime})
					g := open(t, oauth2grant.ClientCredentials{}, configFor(srv))
					var api authorizations
					ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: &api})
					hc := oauth2.NewClient(ctx, reuse(ctx, oauth2source.TokenSource(ctx, g, 0)))
					for range 2 {
						time.Sleep(time.Second)
						t1, err := g.FetchToken(ctx)
						if err != nil {
							t.Fatal(err)
						}
						for range 2 {
							req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://api.example/", nil)
							if err != nil {
								t.Fatal(err)
							}
							res, err := hc.Do(req)
							if err != nil {
								t.Fatal(err)
							}
							_ = res.Body.Close()
							if got := api.seen[len(api.seen)-1]; got != "Bearer "+t1.AccessToken {
								t.Error("a token was used that the grant had replaced")
							}
							time.Sleep(time.Nanosecond)
						}
					}
				})
			})
		}
	}
}

func TestTokenSource_WaitsNoLongerThanItIsTold(t *testing.T) {
	left := errors.New("the request was cancelled")
	for name, c := range map[string]struct {
		timeout, leave, want time.Duration
		is                   error
	}{
		"its timeout":                   {2 * time.Second, 0, 2 * time.Second, context.DeadlineExceeded},
		"a minute, unless told":         {0, 0, time.Minute, context.DeadlineExceeded},
		"its context":                   {0, time.Second, time.Second, left},
		"its context, without timeout":  {-1, 90 * time.Second, 90 * time.Second, left},
		"its context, which ended long": {0, -1, 0, left},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Break(granttest.Token, granttest.Fault{Delay: time.Hour})
				cfg := configFor(srv)
				cfg.Refresh.Timeout = 2 * time.Hour
				g := open(t, oauth2grant.ClientCredentials{}, cfg)
				ctx, cancel := context.WithCancelCause(t.Context())
				switch {
				case c.leave < 0:
					cancel(left)
				case c.leave > 0:
					time.AfterFunc(c.leave, func() { cancel(left) })
				}
				began := time.Now()
				_, err := oauth2source.TokenSource(ctx, g, c.timeout).Token()
				if !errors.Is(err, c.is) || time.Since(began) != c.want {
					t.Errorf("got %v after %v", err, time.Since(began))
				}
				cancel(left)
			})
		})
	}
}

func TestTokenSource_SaysWhatIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Token, granttest.Error(503, "temporarily_unavailable", ""))
		g := open(t, oauth2grant.ClientCredentials{}, configFor(srv))
		_, err := oauth2source.TokenSource(t.Context(), g, 0).Token()
		if !errors.Is(err, oauth2grant.TemporarilyUnavailable) || !oauth2grant.IsTransient(err) {
			t.Errorf("got %v", err)
		}
		_ = g.Close()
		if _, err := oauth2source.TokenSource(t.Context(), g, 0).Token(); !errors.Is(err, oauth2grant.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestTokenSource_WithoutAContext(t *testing.T) {
	var none context.Context
	g := open(t, oauth2grant.ClientCredentials{}, configFor(granttest.New(granttest.Config{})))
	if _, err := oauth2source.TokenSource(none, g, 0).Token(); err == nil {
		t.Error("no context is as good as one")
	}
}

// prover proves nothing.
type prover struct{}

func (prover) Proof(context.Context, oauth2grant.ProofRequest) (string, error) { return "proof", nil }
func (prover) Learn(string, string)                                            {}
func (prover) Thumbprint() string                                              { return "thumbprint" }

func TestTokenSource_RefusesATokenThatNeedsAProof(t *testing.T) {
	cfg := configFor(granttest.New(granttest.Config{}))
	cfg.Proof = prover{}
	cfg.Token = oauth2grant.Token{AccessToken: "bound", TokenType: "DPoP", Expiry: time.Now().Add(time.Hour)}
	_, err := oauth2source.TokenSource(t.Context(), open(t, oauth2grant.RefreshOnly{}, cfg), 0).Token()
	if err == nil || !strings.Contains(err.Error(), "Authorize") || strings.Contains(err.Error(), "bound\"") {
		t.Errorf("got %v", err)
	}
}

func TestFromToken(t *testing.T) {
	expiry := time.Now().Add(time.Hour)
	tok := (&oauth2.Token{AccessToken: "A", TokenType: "bearer", RefreshToken: "R", Expiry: expiry}).
		WithExtra(map[string]any{"id_token": "I", "scope": "a b", "other": 1})
	want := oauth2grant.Token{
		AccessToken: "A", TokenType: "Bearer", RefreshToken: "R", IDToken: "I", Scope: "a b",
		Expiry: expiry.Round(0).UTC(),
	}
	if got := oauth2source.FromToken(tok); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := oauth2source.FromToken(nil); got != (oauth2grant.Token{}) {
		t.Errorf("of nil: %v", got)
	}
	got := oauth2source.FromToken(&oauth2.Token{AccessToken: "A"})
	if got != (oauth2grant.Token{AccessToken: "A", TokenType: "Bearer"}) || !got.Expiry.IsZero() {
		t.Errorf("of little: %v", got)
	}
}
