package oauth2grant_test

import (
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// last is the latest request to an endpoint.
func last(t *testing.T, srv *granttest.Server, e granttest.Endpoint) granttest.Request {
	t.Helper()
	all := srv.Requests(e)
	if len(all) == 0 {
		t.Fatalf("nothing was sent to %s", e)
	}
	return all[len(all)-1]
}

func TestRequestTokenAddsWhatTheConfigSaysAndItsCallerWins(t *testing.T) {
	const device = "urn:ietf:params:oauth:grant-type:device_code"
	for name, c := range map[string]struct{ params, want url.Values }{
		"scope and params of the Config": {
			url.Values{"grant_type": {"client_credentials"}},
			url.Values{"grant_type": {"client_credentials"}, "scope": {"read write"}, "audience": {"a"}, "resource": {"r1", "r2"}},
		},
		"the caller's instead": {
			url.Values{"grant_type": {"client_credentials"}, "scope": {"admin"}, "audience": {"b"}, "resource": {"r3"}},
			url.Values{"grant_type": {"client_credentials"}, "scope": {"admin"}, "audience": {"b"}, "resource": {"r3"}},
		},
		"an empty scope, where the caller wants it": {
			url.Values{"grant_type": {"client_credentials"}, "scope": {""}},
			url.Values{"grant_type": {"client_credentials"}, "scope": {""}, "audience": {"a"}, "resource": {"r1", "r2"}},
		},
		"a grant of nobody's knowledge takes a scope": {
			url.Values{"grant_type": {"urn:x"}, "x": {"1"}},
			url.Values{"grant_type": {"urn:x"}, "x": {"1"}, "scope": {"read write"}, "audience": {"a"}, "resource": {"r1", "r2"}},
		},
		"a code takes none": {
			url.Values{"grant_type": {"authorization_code"}, "code": {"C"}},
			url.Values{"grant_type": {"authorization_code"}, "code": {"C"}, "audience": {"a"}, "resource": {"r1", "r2"}},
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

func TestTheScopeIsAsRequestedWhereTheServerSaysNothing(t *testing.T) {
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

func TestTheExpiryComesFromWhateverTheServerMeansByExpiresIn(t *testing.T) {
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
				srv.Break(granttest.Token, granttest.Fault{Edit: func(a map[string]any) { a["expires_in"] = c.value }, DelayAnswer: time.Second})
				sent := time.Now()
				token, err := newClient(t, configFor(srv)).RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
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

func TestATokenOfATypeThatCanNotBeUsedIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		tokenType any
		proving   bool
		ok        bool
	}{
		"Bearer":                           {"Bearer", false, true},
		"bearer in any case":               {"bEARER", false, true},
		"none said":                        {nil, false, true},
		"one that nobody knows":            {"mac", false, false},
		"a bot's":                          {"bot", false, false},
		"a user's":                         {"user", false, false},
		"BearerToken":                      {"BearerToken", false, false},
		"Bearer with a blank":              {"Bearer ", false, false},
		"two at once":                      {"Bearer, DPoP", false, false},
		"a list":                           {[]string{"Bearer"}, false, true}, // of another type: none said
		"DPoP without a prover":            {"DPoP", false, false},
		"DPoP in any case":                 {"dpop", true, true},
		"Bearer although a proof was sent": {"Bearer", true, false},
		"none said, which counts as DPoP":  {nil, true, true},
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

func TestClientRefreshKeepsTheRefreshTokenWhereTheServerGivesNone(t *testing.T) {
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
			want := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {"read"}, "audience": {"a"}}
			if got := last(t, srv, granttest.Token).Form; !reflect.DeepEqual(got, want) {
				t.Errorf("sent %v, want %v", got, want)
			}
		})
	}
}

func TestRefreshRequestsGoToTheirOwnEndpointWhereThereIsOne(t *testing.T) {
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

func TestRevokeSaysWhichTokenAndWho(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, refresh, _ := srv.Issue("client", "alice")
	cfg := configFor(srv)
	cfg.Auth, cfg.RevocationAuth = oauth2grant.Public("native"), oauth2grant.SecretPost("client", "secret")
	c := newClient(t, cfg)
	if err := c.Revoke(t.Context(), refresh, "refresh_token"); err != nil {
		t.Fatal(err)
	}
	want := url.Values{"token": {refresh}, "token_type_hint": {"refresh_token"}, "client_id": {"client"}, "client_secret": {"secret"}}
	if got := last(t, srv, granttest.Revocation).Form; !reflect.DeepEqual(got, want) {
		t.Errorf("sent %v", got)
	}
	if srv.Active(refresh) || srv.Active(access) {
		t.Error("not revoked")
	}
	if err := c.Revoke(t.Context(), "unknown", ""); err != nil {
		t.Errorf("an unknown token: %v", err)
	}
	srv.Script(granttest.Revocation, granttest.Error(400, "unsupported_token_type", ""), granttest.RetryAfter(503, time.Minute))
	wantIs(t, c.Revoke(t.Context(), "T", ""), oauth2grant.UnsupportedTokenType)
	if e := isFailure(t, c.Revoke(t.Context(), "T", "")); e.Op != "revocation" || e.RetryAfter != time.Minute || !oauth2grant.IsTransient(e) {
		t.Errorf("got %v", e)
	}
}

func TestIntrospectTellsWhatTheServerSays(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, _, lifetime := srv.Issue("client", "alice", "read")
	c := newClient(t, configFor(srv))
	i, err := c.Introspect(t.Context(), access, "access_token")
	if err != nil {
		t.Fatal(err)
	}
	if !i.Active || i.Scope != "read" || i.ClientID != "client" || i.Username != "alice" || i.Subject != "alice" || time.Until(i.Expiry) > lifetime || time.Until(i.Expiry) < lifetime-time.Minute {
		t.Errorf("got %+v", i)
	}
	var issuer string
	if found, err := i.Extra("iss", &issuer); !found || err != nil || issuer != srv.Issuer() {
		t.Errorf("got %v %v %q", found, err, issuer)
	}
	if i, err := c.Introspect(t.Context(), "unknown", ""); err != nil || i.Active {
		t.Errorf("an unknown token: %+v, %v", i, err)
	}
	for name, fault := range map[string]granttest.Fault{
		"not JSON":         granttest.HTML(200),
		"not the right":    {Body: `{"active":"yes"}`},
		"an array":         {Body: `[]`},
		"endless":          {Size: 200 << 20},
		"an error":         granttest.Error(401, "invalid_client", ""),
		"an error in 200":  {Body: `{"error":"invalid_client"}`},
		"out of order":     {Status: 500},
		"a redirect":       granttest.Redirect("https://evil.example/"),
		"a cut connection": {Cut: granttest.CutWithin},
	} {
		srv.Script(granttest.Introspection, fault)
		if _, err := c.Introspect(t.Context(), access, ""); isFailure(t, err).Op != "introspection" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUserInfoTellsWhoThePersonIs(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, _, _ := srv.Issue("client", "alice", "openid")
	c := newClient(t, configFor(srv))
	u, err := c.UserInfo(t.Context(), access)
	if err != nil || u.Subject != "alice" || u.Email != "alice@granttest.example" {
		t.Errorf("got %+v, %v", u, err)
	}
	var email string
	if found, err := u.Extra("email", &email); !found || err != nil || email != u.Email {
		t.Errorf("got %v %v %q", found, err, email)
	}
	_, err = c.UserInfo(t.Context(), "unknown")
	wantIs(t, err, oauth2grant.InvalidToken)
	machine, _, _ := srv.Issue("client", "")
	_, err = c.UserInfo(t.Context(), machine)
	wantIs(t, err, oauth2grant.InsufficientScope)
	if e := isFailure(t, err); e.StatusCode != http.StatusForbidden || e.Op != "userinfo" {
		t.Errorf("got %v", e)
	}
	srv.Script(granttest.UserInfo, granttest.Fault{Body: "eyJhbGciOiJub25lIn0.e30."}, granttest.Fault{Body: `{"email":"x@y"}`})
	for range 2 {
		_, err = c.UserInfo(t.Context(), access)
		wantIs(t, err, errors.ErrUnsupported)
	}
	srv.Script(granttest.UserInfo, granttest.Redirect("https://evil.example/userinfo"))
	if _, err = c.UserInfo(t.Context(), access); err == nil || last(t, srv, granttest.UserInfo).URL != srv.URL(granttest.UserInfo) {
		t.Errorf("the token followed a redirect: %v", err)
	}
}

func TestPostSendsAnAuthenticatedFormAndDecodesTheAnswer(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	c := newClient(t, configFor(srv))
	var out struct {
		RequestURI string `json:"request_uri"`
	}
	form := url.Values{"response_type": {"code"}, "redirect_uri": {"http://127.0.0.1/"}}
	if err := c.Post(t.Context(), srv.URL(granttest.PAR), form, &out); err != nil || out.RequestURI == "" {
		t.Errorf("got %+v, %v", out, err)
	}
	if r := last(t, srv, granttest.PAR); r.ClientID != "client" || r.Header.Get("Accept") != "application/json" || len(form) != 2 {
		t.Errorf("sent %+v", r)
	}
	wantIs(t, c.Post(t.Context(), srv.URL(granttest.PAR), nil, nil), oauth2grant.InvalidRequest)
	if err := c.Post(t.Context(), "http://auth.example/", nil, nil); isFailure(t, err).StatusCode != 0 || oauth2grant.IsTransient(err) {
		t.Errorf("over http: %v", err)
	}
	if err := c.Post(t.Context(), srv.URL(granttest.PAR), form, nil); err != nil {
		t.Errorf("an answer that nobody wants: %v", err)
	}
}

func TestAProofThatCanNotBeMadeIsAnErrorAndNothingIsSent(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	cfg.Proof = &prover{err: fs.ErrPermission}
	_, err := newClient(t, cfg).RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
	wantIs(t, err, fs.ErrPermission)
	if n := srv.Count(granttest.Token); n != 0 {
		t.Error(strconv.Itoa(n) + " requests were sent")
	}
}
