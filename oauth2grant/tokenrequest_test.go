package oauth2grant_test

import (
	"maps"
	"net/url"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestRequestToken_AddsWhatTheConfigSaysAndItsCallerWins(t *testing.T) {
	const device = "urn:ietf:params:oauth:grant-type:device_code"
	for name, c := range map[string]struct{ params, want url.Values }{
		"scope and params of the Config": {
			url.Values{"grant_type": {"client_credentials"}},
			url.Values{
				"grant_type": {"client_credentials"}, "scope": {"read write"}, "audience": {"a"},
				"resource": {"r1", "r2"},
			},
		},
		"the caller's instead": {
			url.Values{"grant_type": {"client_credentials"}, "scope": {"admin"}, "audience": {"b"}, "resource": {"r3"}},
			url.Values{"grant_type": {"client_credentials"}, "scope": {"admin"}, "audience": {"b"}, "resource": {"r3"}},
		},
		"an empty scope, where the caller wants it": {
			url.Values{"grant_type": {"client_credentials"}, "scope": {""}},
			url.Values{
				"grant_type": {"client_credentials"}, "scope": {""}, "audience": {"a"}, "resource": {"r1", "r2"},
			},
		},
		"a grant of nobody's knowledge takes a scope": {
			url.Values{"grant_type": {"urn:x"}, "x": {"1"}},
			url.Values{
				"grant_type": {"urn:x"}, "x": {"1"}, "scope": {"read write"}, "audience": {"a"},
				"resource": {"r1", "r2"},
			},
		},
		"a code takes none": {
			url.Values{"grant_type": {"authorization_code"}, "code": {"C"}},
			url.Values{
				"grant_type": {"authorization_code"}, "code": {"C"}, "audience": {"a"}, "resource": {"r1", "r2"},
			},
		},
		"a device code takes none": {
			url.Values{"grant_type": {device}, "device_code": {"D"}},
			url.Values{"grant_type": {device}, "device_code": {"D"}, "audience": {"a"}, "resource": {"r1", "r2"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			cfg := configFor(srv)
			cfg.Server = oauth2grant.Server{TokenURL: srv.URL(granttest.Token)}
			cfg.Scopes, cfg.Params = []string{"read", "write"}, url.Values{"audience": {"a"}, "resource": {"r1", "r2"}}
			before := maps.Clone(c.params)
			_, _ = newClient(t, cfg).RequestToken(t.Context(), c.params)
			if got := last(t, srv, granttest.Token).Form; !reflect.DeepEqual(got, c.want) {
				t.Errorf("sent %v, want %v", got, c.want)
			}
			if !reflect.DeepEqual(c.params, before) {
				t.Errorf("the caller's params became %v", c.params)
			}
		})
	}
}

func TestRequestToken_ScopeIsAsRequestedWhereTheServerSaysNothing(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(map[string]any)
		want string
	}{
		"as requested":          {func(a map[string]any) { delete(a, "scope") }, "read write"},
		"as granted":            {func(a map[string]any) { a["scope"] = "read" }, "read"},
		"as granted, in a list": {func(a map[string]any) { a["scope"] = []string{"read", "x"} }, "read x"},
		"granted none":          {func(a map[string]any) { a["scope"] = "" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			srv.Break(granttest.Token, granttest.Fault{Edit: c.edit})
			cfg := configFor(srv)
			cfg.Scopes = []string{"read", "write"}
			token, err := newClient(t, cfg).RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
			if err != nil || token.Scope != c.want {
				t.Errorf("got %q, %v", token.Scope, err)
			}
		})
	}
}

func TestRequestToken_ExpiryIsWhateverTheServerMeansByExpiresIn(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  time.Duration // zero: unknown
	}{
		"an integer":         {90, 90 * time.Second},
		"a fraction":         {90.7, 90 * time.Second},
		"a string":           {"90", 90 * time.Second},
		"a string with both": {"90.5", 90 * time.Second},
		"null":               {nil, 0},
		"zero":               {0, 0},
		"negative":           {-5, 0},
		"prose":              {"soon", 0},
		"too long a time":    {int64(400_000_000), 0},
		"beyond int64":       {1e300, 0},
		"an object":          {map[string]any{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Break(granttest.Token, granttest.Fault{
					Edit: func(a map[string]any) { a["expires_in"] = c.value }, DelayAnswer: time.Second,
				})
				sent := time.Now()
				token, err := newClient(t, configFor(srv)).RequestToken(t.Context(),
					url.Values{"grant_type": {"client_credentials"}})
				if err != nil {
					t.Fatal(err)
				}
				if c.want == 0 && !token.Expiry.IsZero() || c.want > 0 && !token.Expiry.Equal(sent.Add(c.want)) {
					t.Errorf("expires %v, want %v after it was asked for", token.Expiry, c.want)
				}
			})
		})
	}
}

func TestRequestToken_RefusesATypeThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		tokenType any
		proving   bool
		ok        bool
	}{
		"Bearer":                                  {"Bearer", false, true},
		"bearer in any case":                      {"bEARER", false, true},
		"none said":                               {nil, false, true},
		"one that nobody knows":                   {"mac", false, false},
		"a bot's":                                 {"bot", false, false},
		"a user's":                                {"user", false, false},
		"BearerToken":                             {"BearerToken", false, false},
		"Bearer with a blank":                     {"Bearer ", false, false},
		"two at once":                             {"Bearer, DPoP", false, false},
		"a list, which counts as none":            {[]string{"Bearer"}, false, true},
		"DPoP without a prover":                   {"DPoP", false, false},
		"DPoP in any case":                        {"dpop", true, true},
		"Bearer although a proof was sent":        {"Bearer", true, false},
		"none said, which counts as DPoP":         {nil, true, true},
		"one that nobody knows, in spite of that": {"N_A", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			srv.Break(granttest.Token, granttest.Fault{Edit: func(a map[string]any) { a["token_type"] = c.tokenType }})
			cfg := configFor(srv)
			if c.proving {
				cfg.Proof = &prover{}
			}
			_, err := newClient(t, cfg).RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
			if (err == nil) != c.ok || err != nil && oauth2grant.IsTransient(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestClient_RefreshKeepsTheRefreshTokenWhereTheServerSendsNone(t *testing.T) {
	for name, keep := range map[string]bool{"kept": true, "rotated": false} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{KeepRefreshTokens: keep})
			_, refresh, _ := srv.Issue("client", "alice", "read", "write")
			cfg := configFor(srv)
			cfg.Scopes, cfg.Params = []string{"admin"}, url.Values{"audience": {"a"}}
			token, err := newClient(t, cfg).Refresh(t.Context(), refresh, url.Values{"scope": {"read"}})
			if err != nil {
				t.Fatal(err)
			}
			if token.RefreshToken == "" || (token.RefreshToken == refresh) != keep {
				t.Errorf("rotated: %v", token.RefreshToken != refresh)
			}
			want := url.Values{
				"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {"read"}, "audience": {"a"},
			}
			if got := last(t, srv, granttest.Token).Form; !reflect.DeepEqual(got, want) {
				t.Errorf("sent %v, want %v", got, want)
			}
		})
	}
}

func TestClient_RefreshesAtTheEndpointOfItsOwnWhereThereIsOne(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	cfg.Server.RefreshURL = "https://refresh.example/token"
	_, refresh, _ := srv.Issue("client", "alice")
	if _, err := newClient(t, cfg).Refresh(t.Context(), refresh, nil); err != nil {
		t.Fatal(err)
	}
	if got := last(t, srv, granttest.Token).URL; got != cfg.Server.RefreshURL {
		t.Errorf("went to %s", got)
	}
}
