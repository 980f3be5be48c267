package e2e

import (
	"context"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// The clients and users that every kind of server knows. Ids and secrets full
// of reserved characters are on purpose.
var (
	web    = oauth2grant.SecretBasic("web", "web-secret") // every grant
	worker = oauth2grant.SecretBasic("worker", "worker-secret")

	alice = oauth2grant.Password{Username: "alice", Password: "wonderland"}
	bob   = oauth2grant.Password{Username: "bob", Password: "pass word&+=%"}

	offline = []string{"offline_access", "read"} // with these comes a refresh token
)

const oddSecret = `s3cr:t +&=/%~"?`

// config names the server by its issuer alone.
func (s *authServer) config(auth oauth2grant.ClientAuth, scopes ...string) oauth2grant.Config {
	return oauth2grant.Config{Server: oauth2grant.Server{Issuer: s.issuer}, Auth: auth, Scopes: scopes}
}

// newGrant starts a grant that ends with the test.
func newGrant(t *testing.T, flow oauth2grant.Flow, cfg oauth2grant.Config) *oauth2grant.Grant {
	t.Helper()
	g, err := oauth2grant.New(context.WithoutCancel(t.Context()), flow, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// tokenOf calls for the token and fails the test without one.
func tokenOf(t *testing.T, g *oauth2grant.Grant) oauth2grant.Token {
	t.Helper()
	token, err := g.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// signIn is a sign-in of alice's done elsewhere: it returns a token with a
// refresh token.
func (s *authServer) signIn(t *testing.T) oauth2grant.Token {
	t.Helper()
	g := newGrant(t, alice, s.config(web, offline...))
	token := tokenOf(t, g)
	if token.RefreshToken == "" {
		t.Fatal("no refresh token")
	}
	return token
}

// client is web's, for what grants are not needed for.
func (s *authServer) client(t *testing.T) *oauth2grant.Client {
	t.Helper()
	c, err := oauth2grant.NewClient(s.config(web))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// inspect asks the server for its opinion of a token.
func (s *authServer) inspect(t *testing.T, token string) oauth2grant.Introspection {
	t.Helper()
	c := s.client(t)
	defer c.CloseIdleConnections()
	answer, err := c.Introspect(t.Context(), token, "")
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// wantActive and wantDead hold the server to its opinion.
func (s *authServer) wantActive(t *testing.T, what, token string) {
	t.Helper()
	if !s.inspect(t, token).Active {
		t.Errorf("the server does not accept %s", what)
	}
}

func (s *authServer) wantDead(t *testing.T, what, token string) {
	t.Helper()
	if s.inspect(t, token).Active {
		t.Errorf("the server still accepts %s", what)
	}
}

// wantRequests runs f and counts the token requests that it led to.
func (s *authServer) wantRequests(t *testing.T, want int, f func()) {
	t.Helper()
	before := s.tokenRequests()
	f()
	if got := s.tokenRequests() - before; got != want {
		t.Errorf("%d token requests, want %d", got, want)
	}
}
