package e2e

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// clientCredentials: one request serves every call, and what goes on requests
// is what the server accepts.
func clientCredentials(t *testing.T, s *authServer) {
	g := newGrant(t, oauth2grant.ClientCredentials{}, s.config(worker, "read"))
	s.wantRequests(t, 1, func() {
		for range 100 {
			if err := g.EnsureActiveToken(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
	token := tokenOf(t, g)
	h := http.Header{}
	if err := g.PrepareRequest(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if h.Get("Authorization") != "Bearer "+token.AccessToken {
		t.Error("the header does not carry the token")
	}
	if got := s.inspect(t, token.AccessToken); !got.Active || got.ClientID != "worker" {
		t.Errorf("the server says active %t, client %q, subject %q", got.Active, got.ClientID, got.Subject)
	}
}

// password: the person is asked for once, then the refresh token does.
func password(t *testing.T, s *authServer) {
	asked := 0
	flow := oauth2grant.Password{Credentials: func(context.Context) (string, string, error) {
		asked++
		return bob.Username, bob.Password, nil
	}}
	g := newGrant(t, flow, s.config(web, offline...))
	first := tokenOf(t, g)
	if got := s.inspect(t, first.AccessToken); !got.Active || got.Subject != "bob" {
		t.Errorf("the server says active %t, client %q, subject %q", got.Active, got.ClientID, got.Subject)
	}
	second, err := g.RefreshToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
		t.Error("the refresh brought nothing new")
	}
	if got := s.inspect(t, second.AccessToken); !got.Active || got.Subject != "bob" {
		t.Errorf("after a refresh the server says active %t, subject %q", got.Active, got.Subject)
	}
	if asked != 1 {
		t.Errorf("credentials asked for %d times, want 1", asked)
	}
}

// rotation: each refresh uses the newest refresh token, so that the server,
// which ends the family when one is used twice, never does.
func rotation(t *testing.T, s *authServer) {
	cfg := s.config(web)
	cfg.Token = s.signIn(t)
	g := newGrant(t, oauth2grant.RefreshOnly{}, cfg)
	s.wantRequests(t, 0, func() { tokenOf(t, g) })

	newest := cfg.Token
	for range 4 {
		old := newest
		var err error
		if newest, err = g.RefreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		if newest.RefreshToken == old.RefreshToken {
			t.Error("the refresh token was not rotated")
		}
		s.wantDead(t, "a refresh token that was used", old.RefreshToken)
		s.wantActive(t, "the newest refresh token", newest.RefreshToken)
		s.wantActive(t, "the newest access token", newest.AccessToken)
	}
	reuse(t, s, g, cfg)
}

// reuse uses the first refresh token again, which ends the family. Only another
// sign-in helps g then, and it does.
func reuse(t *testing.T, s *authServer, g *oauth2grant.Grant, first oauth2grant.Config) {
	t.Helper()
	thief := newGrant(t, oauth2grant.RefreshOnly{}, first)
	for _, each := range []*oauth2grant.Grant{thief, g} {
		_, err := each.RefreshToken(t.Context())
		if !errors.Is(err, oauth2grant.ErrLoginRequired) || !errors.Is(err, oauth2grant.InvalidGrant) {
			t.Errorf("got %v, want ErrLoginRequired because of InvalidGrant", err)
		}
	}
	again := s.signIn(t)
	if err := g.SetToken(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	newest, err := g.RefreshToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.wantActive(t, "the token of the next sign-in", newest.AccessToken)
}
