package e2e

import (
	"errors"
	"net/http"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// introspection: the server confirms what the token response said.
func introspection(t *testing.T, s *authServer) {
	token, c := s.signIn(t), s.client(t)
	got, err := c.Introspect(t.Context(), token.AccessToken, "access_token")
	if err != nil {
		t.Fatal(err)
	}
	if !got.Active || got.ClientID != "web" || got.Subject != "alice" || got.Scope != token.Scope {
		t.Errorf("active %t, client %q, subject %q, scope %q; want true, web, alice and %q", got.Active, got.ClientID,
			got.Subject, got.Scope, token.Scope)
	}
	if apart := got.Expiry.Sub(token.Expiry).Abs(); apart > progress.Limit/2 {
		t.Errorf("expiry %v, the token response said %v", got.Expiry, token.Expiry)
	}
	for hint, unknown := range map[string]string{
		"access_token": "no such token", "refresh_token": "neither", "": "nor this",
	} {
		if got, err := c.Introspect(t.Context(), unknown, hint); err != nil || got.Active {
			t.Errorf("an unknown token, hint %q: active %t, %v", hint, got.Active, err)
		}
	}
}

// userInfo: a token for openid tells who it is of, one without does not.
func userInfo(t *testing.T, s *authServer) {
	c := s.client(t)
	known := tokenOf(t, newGrant(t, bob, s.config(web, "openid")))
	got, err := c.UserInfo(t.Context(), known.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "bob" {
		t.Errorf("subject %q, want bob", got.Subject)
	}
	_, err = c.UserInfo(t.Context(), s.signIn(t).AccessToken)
	if !errors.Is(err, oauth2grant.InsufficientScope) {
		t.Errorf("without openid: got %v, want InsufficientScope", err)
	}
	_, err = c.UserInfo(t.Context(), "no-such-token")
	e, ok := errors.AsType[*oauth2grant.Error](err)
	if !errors.Is(err, oauth2grant.InvalidToken) || !ok || e.StatusCode != http.StatusUnauthorized {
		t.Errorf("an unknown token: got %v, want InvalidToken with status 401", err)
	}
}
