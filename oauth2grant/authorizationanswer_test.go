package oauth2grant_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestFinishAuthorization_OfAWebApplication(t *testing.T) {
	srv, cfg := signInServer(t, granttest.Config{
		Clients: []granttest.Client{
			{ID: "web", Secret: "web-secret", RedirectURIs: []string{"https://app.example/cb"}},
		},
	})
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
	if a.State == b.State || a.CodeVerifier == b.CodeVerifier || a.Nonce == b.Nonce || len(a.State) < 43 ||
		len(a.CodeVerifier) < 43 {
		t.Error("state, verifier and nonce must be fresh and long")
	}
	if token, err := c.FinishAuthorization(t.Context(), a, answer(a)); err != nil || token.RefreshToken == "" {
		t.Errorf("FinishAuthorization: %v", err)
	}
	srv.Reset()
	for name, spoil := range map[string]func(*oauth2grant.Authorization, url.Values){
		"the state of another request": func(a *oauth2grant.Authorization, _ url.Values) { a.State = begin().State },
		"no state in the session": func(a *oauth2grant.Authorization, q url.Values) {
			a.State = ""
			q.Set("state", "")
		},
		"no verifier in the session": func(a *oauth2grant.Authorization, _ url.Values) { a.CodeVerifier = "" },
		"a duplicate code":           func(_ *oauth2grant.Authorization, q url.Values) { q.Add("code", "x") },
		"another issuer": func(_ *oauth2grant.Authorization, q url.Values) {
			q.Set("iss", "https://evil.example")
		},
		"no code": func(_ *oauth2grant.Authorization, q url.Values) { q.Del("code") },
		"an error without our state": func(_ *oauth2grant.Authorization, q url.Values) {
			q.Del("state")
			q.Set("error", "access_denied")
		},
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

func TestFinishAuthorization_OnlyTheClientThatBeganIt(t *testing.T) {
	named := func(host string) func(*oauth2grant.Config) {
		return func(c *oauth2grant.Config) {
			c.Server = oauth2grant.Server{AuthURL: "https://" + host + "/a", TokenURL: "https://" + host + "/t"}
		}
	}
	same := func(*oauth2grant.Config) {}
	for _, c := range []struct {
		name         string
		begin, other func(*oauth2grant.Config)
		ok           bool
	}{
		{"the same Config", same, same, true},
		{"the same endpoints", named("as.example"), named("as.example"), true},
		{"another server's endpoints", named("as.example"), named("evil.example"), false},
		{
			"another token endpoint of the issuer", same, func(c *oauth2grant.Config) {
				c.Server.TokenURL = "https://evil.example/t"
			}, false,
		},
		{"another issuer at the same endpoints", same, named("as.example"), false},
		{"another client", same, func(c *oauth2grant.Config) { c.Auth = oauth2grant.Public("other") }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s codeServer
			client := func(edit func(*oauth2grant.Config)) *oauth2grant.Client {
				cfg := s.config("as.example", "")
				edit(&cfg)
				return newClient(t, cfg)
			}
			a, err := client(c.begin).BeginAuthorization(t.Context(), "https://app.example/cb", nil)
			if err != nil {
				t.Fatal(err)
			}
			text, err := json.Marshal(a) // as through a session
			if err != nil {
				t.Fatal(err)
			}
			var kept oauth2grant.Authorization
			if err := json.Unmarshal(text, &kept); err != nil {
				t.Fatal(err)
			}
			_, err = client(c.other).FinishAuthorization(t.Context(), kept,
				url.Values{"state": {a.State}, "code": {"C"}})
			if (err == nil) != c.ok || (len(s.forms) > 0) != c.ok {
				t.Errorf("error is %v after %d exchanges, want it finished: %v", err, len(s.forms), c.ok)
			}
		})
	}
}

func TestFinishAuthorization_Issuer(t *testing.T) {
	const promise = `,"authorization_response_iss_parameter_supported":true`
	endpoints := oauth2grant.Server{AuthURL: "https://as.example/a", TokenURL: "https://as.example/t"}
	both := endpoints
	both.Issuer = "https://as.example"
	for _, c := range []struct {
		name, metadata string
		server         oauth2grant.Server
		iss            string // "-": none
		ok             bool
	}{
		{"named, and promised", promise, oauth2grant.Server{Issuer: "https://as.example"}, "https://as.example", true},
		{"named, and not promised", "", oauth2grant.Server{Issuer: "https://as.example"}, "https://as.example", true},
		{"missing, and not promised", "", oauth2grant.Server{Issuer: "https://as.example"}, "-", true},
		{"missing, not promised, but wanted", "", oauth2grant.Server{Issuer: "https://as.example", RequireIss: true}, "-", false},
		{"there, not promised, but wanted", "", oauth2grant.Server{Issuer: "https://as.example", RequireIss: true}, "https://as.example", true},
		{"missing, though promised", promise, oauth2grant.Server{Issuer: "https://as.example"}, "-", false},
		{"another", "", oauth2grant.Server{Issuer: "https://as.example"}, "https://evil.example", false},
		{"with a slash", "", oauth2grant.Server{Issuer: "https://as.example"}, "https://as.example/", false},
		{"empty", "", oauth2grant.Server{Issuer: "https://as.example"}, "", false},
		{"with nothing to compare it with", "", endpoints, "https://as.example", false},
		{"missing, with nothing to compare it with", promise, endpoints, "-", true},
		{"named, beside endpoints of the Config", "", both, "https://as.example", true},
		{"another, beside endpoints of the Config", "", both, "https://evil.example", false},
		{"missing though promised, beside endpoints of the Config", promise, both, "-", false},
		{"missing without any metadata, beside endpoints of the Config", "none", both, "-", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s codeServer
			cfg := s.config("as.example", c.metadata)
			if c.metadata == "none" {
				cfg = s.config("as.example", ", and this is no JSON")
			}
			cfg.Server = c.server
			client := newClient(t, cfg)
			a, err := client.BeginAuthorization(t.Context(), "https://app.example/cb", nil)
			if err != nil {
				t.Fatal(err)
			}
			answer := url.Values{"state": {a.State}, "code": {"C"}}
			if c.iss != "-" {
				answer.Set("iss", c.iss)
			}
			_, err = client.FinishAuthorization(t.Context(), a, answer)
			if (err == nil) != c.ok || (len(s.forms) > 0) != c.ok {
				t.Errorf("error is %v after %d exchanges, want it taken: %v", err, len(s.forms), c.ok)
			}
		})
	}
}

func TestFinishAuthorization_ChecksInOrder(t *testing.T) {
	client := newClient(t, new(codeServer).config("as.example", ""))
	a, err := client.BeginAuthorization(t.Context(), "https://app.example/cb", nil)
	if err != nil {
		t.Fatal(err)
	}
	// Each answer has every later fault too, and the error is that of the
	// first.
	for _, c := range []struct {
		name   string
		answer url.Values
		says   string
		is     error
	}{
		{
			"duplicates", url.Values{
				"x": {"1", "2"}, "state": {"other"}, "iss": {"https://evil.example"}, "error": {"access_denied"},
			}, "more than once", nil,
		},
		{
			"state",
			url.Values{"state": {"other"}, "iss": {"https://evil.example"}, "error": {"access_denied"}},
			"state", oauth2grant.ErrOtherState,
		},
		{
			"issuer",
			url.Values{"state": {a.State}, "iss": {"https://evil.example"}, "error": {"access_denied"}},
			"issuer", nil,
		},
		{
			"error",
			url.Values{"state": {a.State}, "error": {"access_denied"}},
			"access_denied",
			oauth2grant.AccessDenied,
		},
		{"code", url.Values{"state": {a.State}}, "neither a code nor an error", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := client.FinishAuthorization(t.Context(), a, c.answer)
			if e := isFailure(t, err); !strings.Contains(e.Error(), c.says) || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v", err)
			}
			if errors.Is(err, oauth2grant.AccessDenied) != (c.name == "error") {
				t.Errorf("an error is believed too early, or not: %v", err)
			}
			if oauth2grant.IsTransient(err) {
				t.Error("it is transient")
			}
		})
	}
}

func TestRequireIss_NeedsAnIssuer(t *testing.T) {
	_, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: "https://auth.example/token", RequireIss: true}, Auth: oauth2grant.Public("client"),
	})
	wantIs(t, err, oauth2grant.ErrConfig)
}
