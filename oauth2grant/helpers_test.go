package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// configFor makes the Config of the client that srv knows.
func configFor(srv *granttest.Server) oauth2grant.Config {
	return oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	}
}

// open makes a grant that lives as long as the test.
func open(t testing.TB, flow oauth2grant.Flow, cfg oauth2grant.Config) *oauth2grant.Grant {
	t.Helper()
	g, err := oauth2grant.New(context.Background(), flow, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func newClient(t testing.TB, cfg oauth2grant.Config) *oauth2grant.Client {
	t.Helper()
	c, err := oauth2grant.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ensure(t testing.TB, g *oauth2grant.Grant) {
	t.Helper()
	if err := g.EnsureActiveToken(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func tokenOf(t testing.TB, g *oauth2grant.Grant) oauth2grant.Token {
	t.Helper()
	token, err := g.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// isFailure returns err as an *Error.
func isFailure(t testing.TB, err error) *oauth2grant.Error {
	t.Helper()
	e, ok := errors.AsType[*oauth2grant.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	return e
}

func wantIs(t testing.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("got error %v, want %v", err, target)
	}
}

// atOnce runs f in n goroutines and waits for them.
func atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// pass lets time pass and everything that is then due happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// grantTypes are those of the token requests so far.
func grantTypes(srv *granttest.Server) []string {
	var types []string
	for _, r := range srv.Requests(granttest.Token) {
		types = append(types, r.Form.Get("grant_type"))
	}
	return types
}

// tripper is a RoundTripper made of a func.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// flow is a Flow made of a func.
type flow struct {
	run         func(context.Context, *oauth2grant.Client) (oauth2grant.Token, error)
	interactive bool
}

func (f flow) Run(ctx context.Context, c *oauth2grant.Client) (oauth2grant.Token, error) {
	return f.run(ctx, c)
}
func (f flow) Interactive() bool { return f.interactive }

// alice is the user that every granttest server knows.
func alice() oauth2grant.Password {
	return oauth2grant.Password{Username: "alice", Password: "wonderland"}
}
