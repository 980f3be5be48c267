package e2e

import (
	"errors"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func revokeClientCredentials(t *testing.T, s *authServer) {
	g := newGrant(t, oauth2grant.ClientCredentials{}, s.config(worker, "read"))
	revoked := revoke(t, s, g)
	fetchedAgain(t, s, g, revoked)
}

func revokePassword(t *testing.T, s *authServer) {
	g := newGrant(t, alice, s.config(web, offline...))
	revoked := revoke(t, s, g)
	s.wantDead(t, "the revoked refresh token", revoked.RefreshToken)
	fetchedAgain(t, s, g, revoked)
}

func revokeRefreshOnly(t *testing.T, s *authServer) {
	cfg := s.config(web)
	cfg.Token = s.signIn(t)
	g := newGrant(t, oauth2grant.RefreshOnly{}, cfg)
	if _, err := g.RefreshToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	revoked := revoke(t, s, g)
	s.wantDead(t, "the revoked refresh token", revoked.RefreshToken)
	s.wantRequests(t, 0, func() {
		if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
			t.Errorf("got %v, want ErrLoginRequired", err)
		}
	})
}

// revoke obtains a token and revokes it; nothing is fetched by that.
func revoke(t *testing.T, s *authServer, g *oauth2grant.Grant) oauth2grant.Token {
	t.Helper()
	token := tokenOf(t, g)
	s.wantActive(t, "a token before its revocation", token.AccessToken)
	s.wantRequests(t, 0, func() {
		if err := g.Revoke(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.wantDead(t, "a revoked access token", token.AccessToken)
	})
	if got := g.Status(); got.State != oauth2grant.StateEmpty || got.Usable {
		t.Errorf("after Revoke: %v, usable %t", got.State, got.Usable)
	}
	return token
}

func fetchedAgain(t *testing.T, s *authServer, g *oauth2grant.Grant, revoked oauth2grant.Token) {
	t.Helper()
	s.wantRequests(t, 1, func() {
		next := tokenOf(t, g)
		if next.AccessToken == revoked.AccessToken {
			t.Error("the revoked token came back")
		}
		s.wantActive(t, "the token after a revocation", next.AccessToken)
	})
}
