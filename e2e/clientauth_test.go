package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func oddBasic(t *testing.T, s *authServer) {
	authenticates(t, s, oauth2grant.SecretBasic("odd:id +1", oddSecret))
}

func secretPost(t *testing.T, s *authServer) {
	authenticates(t, s, oauth2grant.SecretPost("post", "post-secret"))
}

func oddPost(t *testing.T, s *authServer) {
	authenticates(t, s, oauth2grant.SecretPost("odd:post +1", oddSecret))
}

// authenticates obtains a token of that client, and revokes it in its name.
func authenticates(t *testing.T, s *authServer, auth oauth2grant.ClientAuth) {
	t.Helper()
	g := newGrant(t, oauth2grant.ClientCredentials{}, s.config(auth, "read"))
	token := tokenOf(t, g)
	if got := s.inspect(t, token.AccessToken); !got.Active || got.ClientID != auth.ClientID() {
		t.Errorf("the server says active %t, client %q, subject %q", got.Active, got.ClientID, got.Subject)
	}
	if err := g.Revoke(t.Context()); err != nil {
		t.Error(err)
	}
	s.wantDead(t, "a revoked token", token.AccessToken)
}

// rotatedSecretFile: a refused secret does not stand in the way once the file
// has another.
func rotatedSecretFile(t *testing.T, s *authServer) {
	path := filepath.Join(t.TempDir(), "secret")
	write := func(secret string) {
		if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("not yet the secret")
	g := newGrant(t, oauth2grant.ClientCredentials{},
		s.config(oauth2grant.SecretFile("worker", oauth2grant.MethodBasic, path)))
	s.wantRequests(t, 1, func() {
		for range 10 {
			if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.InvalidClient) {
				t.Fatalf("got %v, want InvalidClient", err)
			}
		}
	})
	write("worker-secret")
	<-time.After(time.Second) // the file is looked at once a second
	s.wantRequests(t, 1, func() {
		if err := g.EnsureActiveToken(t.Context()); err != nil {
			t.Errorf("with the right secret in the file: %v", err)
		}
	})
}
