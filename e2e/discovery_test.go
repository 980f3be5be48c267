package e2e

import (
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// issuerAlone: the grants that share a Client discover its server once.
func issuerAlone(t *testing.T, s *authServer) {
	w := newTap(t)
	cfg := s.config(web, "read")
	cfg.HTTPClient = w.client()
	c, err := oauth2grant.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 10 {
		g := newGrant(t, oauth2grant.ClientCredentials{}, oauth2grant.Config{Client: c})
		all.Go(func() {
			if err := g.EnsureActiveToken(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := len(w.discoveries()); got != 1 {
		t.Errorf("%d requests for metadata, want 1", got)
	}
	if got := len(w.tokenRequests()); got != 10 {
		t.Errorf("%d token requests, want 10", got)
	}
}

// givenEndpoints: with the endpoints at hand nothing is discovered, not for a
// refresh and a revocation either.
func givenEndpoints(t *testing.T, s *authServer) {
	found, err := oauth2grant.Discover(t.Context(), s.issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := newTap(t)
	cfg := oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: found.TokenURL, RevocationURL: found.RevocationURL},
		Auth:   web, Scopes: offline, HTTPClient: w.client(),
	}
	g := newGrant(t, alice, cfg)
	if err := g.EnsureActiveToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := g.RefreshToken(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := g.Revoke(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := w.discoveries(); len(got) != 0 {
		t.Errorf("%d requests for metadata, want none", len(got))
	}
}

// metadata: Discover finds the endpoints, keeps the whole document, and leaves
// no connection behind.
func metadata(t *testing.T, s *authServer) {
	running := goleak.IgnoreCurrent()
	defer goleak.VerifyNone(t, running)
	found, err := oauth2grant.Discover(t.Context(), s.issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	if found.Issuer != s.issuer {
		t.Errorf("issuer %q, want %q", found.Issuer, s.issuer)
	}
	for name, got := range map[string]string{
		"token_endpoint":                        found.TokenURL,
		"authorization_endpoint":                found.AuthURL,
		"device_authorization_endpoint":         found.DeviceAuthURL,
		"revocation_endpoint":                   found.RevocationURL,
		"introspection_endpoint":                found.IntrospectionURL,
		"userinfo_endpoint":                     found.UserInfoURL,
		"pushed_authorization_request_endpoint": found.PARURL,
	} {
		var want string
		if ok, err := found.Metadata(name, &want); err != nil || !ok || got == "" || got != want {
			t.Errorf("%s: got %q, want %q (%t, %v)", name, got, want, ok, err)
		}
	}
	if ok, err := found.Metadata("of_no_server", new(string)); ok || err != nil {
		t.Errorf("a member that is not there: %t, %v", ok, err)
	}
}
