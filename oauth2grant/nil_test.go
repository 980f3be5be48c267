package oauth2grant_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// TestNil_IsAnErrorAndNoPanic calls everything with a nil context, header,
// request or URL.
func TestNil_IsAnErrorAndNoPanic(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	var none context.Context
	g, c, ctx := open(t, alice(), cfg), newClient(t, cfg), t.Context()
	api := g.Transport(srv.Transport())
	ask := func(r *http.Request) error {
		res, err := api.RoundTrip(r)
		if err == nil {
			_ = res.Body.Close()
		}
		return err
	}
	second := func(_ any, err error) error { return err }
	calls := map[string]func() error{
		"New":                        func() error { return second(oauth2grant.New(none, alice(), cfg)) },
		"Discover":                   func() error { return second(oauth2grant.Discover(none, srv.Issuer(), nil)) },
		"EnsureActiveToken":          func() error { return g.EnsureActiveToken(none) },
		"PrepareRequest":             func() error { return g.PrepareRequest(none, http.Header{}) },
		"PrepareRequest, nil header": func() error { return g.PrepareRequest(ctx, nil) },
		"Authorize, nil request":     func() error { return g.Authorize(nil) },
		"Authorize, empty request":   func() error { return g.Authorize(&http.Request{}) },
		"Token":                      func() error { return second(g.Token(none)) },
		"FetchToken":                 func() error { return second(g.FetchToken(none)) },
		"RefreshToken":               func() error { return second(g.RefreshToken(none)) },
		"SetToken":                   func() error { return g.SetToken(none, oauth2grant.Token{AccessToken: "A"}) },
		"SetToken, no token":         func() error { return g.SetToken(ctx, oauth2grant.Token{}) },
		"Revoke":                     func() error { return g.Revoke(none) },
		"RoundTrip, nil request":     func() error { return ask(nil) },
		"RoundTrip, empty request":   func() error { return ask(&http.Request{}) },
		"AccessToken":                func() error { return second(g.AccessToken(none)) },
		"UserInfo":                   func() error { return second(g.UserInfo(none)) },
		"Client.Server":              func() error { return second(c.Server(none)) },
		"Client.RequestToken": func() error {
			return second(c.RequestToken(none, url.Values{"grant_type": {"x"}}))
		},
		"Client.RequestToken, nil": func() error { return second(c.RequestToken(ctx, nil)) },
		"Client.Refresh":           func() error { return second(c.Refresh(none, "R", nil)) },
		"Client.Refresh, no token": func() error { return second(c.Refresh(ctx, "", nil)) },
		"Client.BeginAuthorization": func() error {
			return second(c.BeginAuthorization(none, "http://127.0.0.1", nil))
		},
		"Client.FinishAuthorization": func() error {
			return second(c.FinishAuthorization(none, oauth2grant.Authorization{}, nil))
		},
		"FinishAuthorization, empty": func() error {
			return second(c.FinishAuthorization(ctx, oauth2grant.Authorization{}, nil))
		},
		"Client.Revoke":            func() error { return c.Revoke(none, "T", "") },
		"Client.Revoke, no token":  func() error { return c.Revoke(ctx, "", "") },
		"Client.Introspect":        func() error { return second(c.Introspect(none, "T", "")) },
		"Client.UserInfo":          func() error { return second(c.UserInfo(none, "T")) },
		"Client.Post":              func() error { return c.Post(none, srv.URL(granttest.Token), nil, nil) },
		"Client.Post, no endpoint": func() error { return c.Post(ctx, "", nil, nil) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			if call() == nil {
				t.Error("no error")
			}
		})
	}
	ensure(t, g)
	if err := g.EnsureActiveToken(none); err != nil {
		t.Errorf("with an active token any context will do: %v", err)
	}
	if err := g.Authorize(&http.Request{URL: &url.URL{Scheme: "https", Host: "api.example"}}); err != nil {
		t.Errorf("a request without a header: %v", err)
	}
}

func TestZeroValues_ShowThemselvesWithoutPanic(t *testing.T) {
	for _, v := range []any{
		oauth2grant.Config{},
		&oauth2grant.Config{}, &oauth2grant.Client{}, (*oauth2grant.Client)(nil), (*oauth2grant.Grant)(nil),
		&oauth2grant.Grant{},
		oauth2grant.Password{},
		oauth2grant.Authorization{},
		oauth2grant.Token{},
		oauth2grant.Server{},
		oauth2grant.State(99),
		oauth2grant.Status{},
	} {
		if text := prints(v); strings.Contains(text, "PANIC") {
			t.Errorf("%T panics: %s", v, text)
		}
	}
}
