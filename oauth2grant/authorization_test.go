package oauth2grant_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestAWebApplicationBeginsAndFinishesAnAuthorization(t *testing.T) {
	srv, cfg := signInServer(t, granttest.Config{Clients: []granttest.Client{{ID: "web", Secret: "web-secret", RedirectURIs: []string{"https://app.example/cb"}}}})
	cfg.Auth = oauth2grant.SecretBasic("web", "web-secret")
	c, err := oauth2grant.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	begin := func() oauth2grant.Authorization {
		t.Helper()
		a, err := c.BeginAuthorization(t.Context(), "https://app.example/cb", url.Values{"prompt": {"consent"}})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	answer := func(a oauth2grant.Authorization) url.Values {
		t.Helper()
		callback, err := srv.Approve(a.URL, "alice")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(callback)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query()
	}
	a, b := begin(), begin()
	if a.State == b.State || a.CodeVerifier == b.CodeVerifier || a.Nonce == b.Nonce || len(a.State) < 43 || len(a.CodeVerifier) < 43 {
		t.Error("state, verifier and nonce must be fresh and long")
	}
	if token, err := c.FinishAuthorization(t.Context(), a, answer(a)); err != nil || token.RefreshToken == "" {
		t.Errorf("FinishAuthorization: %v", err)
	}
	srv.Reset()
	for name, spoil := range map[string]func(*oauth2grant.Authorization, url.Values){
		"the state of another request": func(a *oauth2grant.Authorization, _ url.Values) { a.State = begin().State },
		"no state in the session":      func(a *oauth2grant.Authorization, q url.Values) { a.State = ""; q.Set("state", "") },
		"no verifier in the session":   func(a *oauth2grant.Authorization, _ url.Values) { a.CodeVerifier = "" },
		"a duplicate code":             func(_ *oauth2grant.Authorization, q url.Values) { q.Add("code", "x") },
		"another issuer":               func(_ *oauth2grant.Authorization, q url.Values) { q.Set("iss", "https://evil.example") },
		"no code":                      func(_ *oauth2grant.Authorization, q url.Values) { q.Del("code") },
		"an error without our state":   func(_ *oauth2grant.Authorization, q url.Values) { q.Del("state"); q.Set("error", "access_denied") },
	} {
		a := begin()
		q := answer(a)
		spoil(&a, q)
		if _, err := c.FinishAuthorization(t.Context(), a, q); err == nil || errors.Is(err, oauth2grant.AccessDenied) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	if n := srv.Count(granttest.Token); n != 0 {
		t.Errorf("%d codes were exchanged after a refused answer", n)
	}
	for _, name := range []string{"state", "nonce", "client_id", "redirect_uri", "response_type", "code_challenge"} {
		if _, err := c.BeginAuthorization(t.Context(), "https://app.example/cb", url.Values{name: {"x"}}); err == nil {
			t.Errorf("params may set %s", name)
		}
	}
}
