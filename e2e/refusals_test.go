package e2e

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func wrongSecret(t *testing.T, s *authServer) {
	cfg := s.config(oauth2grant.SecretBasic("worker", "a guess"))
	refused(t, s, newGrant(t, oauth2grant.ClientCredentials{}, cfg), oauth2grant.InvalidClient, http.StatusUnauthorized)
}

func wrongPassword(t *testing.T, s *authServer) {
	flow := oauth2grant.Password{Username: "alice", Password: "a guess"}
	refused(t, s, newGrant(t, flow, s.config(web, offline...)), oauth2grant.InvalidGrant, http.StatusBadRequest)
}

// unknownScope: Fosite refuses it, oidc-provider leaves it out of what it
// grants.
func unknownScope(t *testing.T, s *authServer) {
	g := newGrant(t, oauth2grant.ClientCredentials{}, s.config(worker, "read", "moon"))
	if s.kind == fosite {
		refused(t, s, g, oauth2grant.InvalidScope, http.StatusBadRequest)
		return
	}
	if got := tokenOf(t, g).Scopes(); !slices.Equal(got, []string{"read"}) {
		t.Errorf("granted %q, want read alone", got)
	}
}

// refused: many calls put one question to the server, whose answer all of them
// get. Only FetchToken asks again.
func refused(t *testing.T, s *authServer, g *oauth2grant.Grant, code oauth2grant.Code, status int) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		answer, ok := errors.AsType[*oauth2grant.Error](err)
		if !errors.Is(err, code) || !ok || answer.StatusCode != status || oauth2grant.IsTransient(err) {
			t.Fatalf("got %v, want %v with status %d, not transient", err, code, status)
		}
	}
	s.wantRequests(t, 1, func() {
		for range 100 {
			check(g.EnsureActiveToken(t.Context()))
		}
	})
	s.wantRequests(t, 1, func() {
		_, err := g.FetchToken(t.Context())
		check(err)
	})
}
