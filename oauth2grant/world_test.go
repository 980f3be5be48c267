package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// world is an authorization server and a backend that several grants share.
type world struct {
	*testing.T
	srv *granttest.Server
	b   *backend
}

func inWorld(t *testing.T, cfg granttest.Config, test func(w world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(world{t, granttest.New(cfg), newBackend()})
	})
}

func (w world) config() oauth2grant.Config {
	return oauth2grant.Config{
		Server: oauth2grant.Server{
			TokenURL: w.srv.URL(granttest.Token), RevocationURL: w.srv.URL(granttest.Revocation),
		},
		Auth: oauth2grant.SecretBasic("client", "secret"), HTTPClient: w.srv.HTTPClient(), Store: store{w.b},
	}
}

// seed puts a token into the store that the server has issued to alice.
func (w world) seed() oauth2grant.Token {
	access, refresh, life := w.srv.Issue("client", "alice", "read")
	t := oauth2grant.Token{
		AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", Scope: "read",
		Expiry: time.Now().Add(life).UTC(),
	}
	w.b.set(func() { w.b.token, w.b.full = t, true })
	return t
}

func (w world) ensure(g *oauth2grant.Grant) {
	w.Helper()
	if err := g.EnsureActiveToken(w.Context()); err != nil {
		w.Fatalf("EnsureActiveToken: %v", err)
	}
}

func (w world) token(g *oauth2grant.Grant) oauth2grant.Token {
	w.Helper()
	t, err := g.Token(w.Context())
	if err != nil {
		w.Fatalf("Token: %v", err)
	}
	return t
}

func (w world) mustFail(err error, targets ...error) {
	w.Helper()
	for _, target := range targets {
		if !errors.Is(err, target) {
			w.Fatalf("error is %v, want one that is %v", err, target)
		}
	}
}

func failureOf(_ oauth2grant.Token, err error) error { return err }

type flowFunc func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error)

func (f flowFunc) Run(ctx context.Context, c *oauth2grant.Client) (oauth2grant.Token, error) {
	return f(ctx, c)
}

func (flowFunc) Interactive() bool { return false }

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// issued is a token of the server that no grant has.
func (w world) issued() oauth2grant.Token {
	access, refresh, life := w.srv.Issue("client", "alice", "read")
	return oauth2grant.Token{
		AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", Scope: "read",
		Expiry: time.Now().Add(life).UTC(),
	}
}

// unsaved returns a grant whose last refresh could not be saved.
func (w world) unsaved(cfg oauth2grant.Config) (*oauth2grant.Grant, oauth2grant.Token) {
	w.Helper()
	g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
	w.ensure(g)
	w.b.loseAnswers()
	t, err := g.RefreshToken(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return g, t
}
