package oauth2grant_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMetadata_WhatTheServerCannotDoIsAnEarlyError(t *testing.T) {
	token := func(c *oauth2grant.Client) error {
		_, err := c.RequestToken(context.Background(), url.Values{"grant_type": {"client_credentials"}})
		return err
	}
	begin := func(c *oauth2grant.Client) error {
		_, err := c.BeginAuthorization(context.Background(), "http://127.0.0.1/callback", nil)
		return err
	}
	for name, c := range map[string]struct {
		member string
		value  any
		do     func(*oauth2grant.Client) error
	}{
		"no token endpoint": {"token_endpoint", nil, token},
		"not this grant":    {"grant_types_supported", []string{"password"}, token},
		"not this client authentication": {
			"token_endpoint_auth_methods_supported", []string{"private_key_jwt"}, token,
		},
		"no authorization endpoint":        {"authorization_endpoint", nil, begin},
		"not the authorization code grant": {"grant_types_supported", []string{"password"}, begin},
		"not PKCE by S256":                 {"code_challenge_methods_supported", []string{"plain"}, begin},
		"no device endpoint": {"device_authorization_endpoint", nil, func(c *oauth2grant.Client) error {
			_, err := oauth2grant.DeviceCode{}.Run(context.Background(), c)
			return err
		}},
		"not the device grant": {"grant_types_supported", []string{"password"}, func(c *oauth2grant.Client) error {
			_, err := oauth2grant.DeviceCode{}.Run(context.Background(), c)
			return err
		}},
		"no revocation endpoint": {"revocation_endpoint", nil, func(c *oauth2grant.Client) error {
			return c.Revoke(context.Background(), "T", "")
		}},
		"no introspection endpoint": {"introspection_endpoint", nil, func(c *oauth2grant.Client) error {
			_, err := c.Introspect(context.Background(), "T", "")
			return err
		}},
		"no userinfo endpoint": {"userinfo_endpoint", nil, func(c *oauth2grant.Client) error {
			_, err := c.UserInfo(context.Background(), "T")
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			setMetadata(srv, c.member, c.value)
			err := c.do(newClient(t, configFor(srv)))
			wantIs(t, err, errors.ErrUnsupported)
			if oauth2grant.IsTransient(err) {
				t.Error("it counts as transient")
			}
			for _, u := range asked(srv) {
				if !strings.Contains(u, "/.well-known/") {
					t.Errorf("asked %s", u)
				}
			}
		})
	}
}

func TestMetadata_ForbidsNothingWhereItSaysNothing(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	edit := granttest.Fault{Edit: func(document map[string]any) {
		for name := range document {
			if strings.HasSuffix(name, "_supported") {
				delete(document, name)
			}
		}
	}}
	srv.Break(granttest.Discovery, edit)
	c := newClient(t, configFor(srv))
	if _, err := c.RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}}); err != nil {
		t.Error(err)
	}
	if _, err := c.BeginAuthorization(t.Context(), "http://127.0.0.1/callback", nil); err != nil {
		t.Error(err)
	}
}

func TestServer_KeepsTheWholeDocumentAndWhatTheConfigSays(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	setMetadata(srv, "custom", map[string]any{"n": 7})
	cfg := configFor(srv)
	cfg.Server.RevocationURL = "https://revoke.example/r"
	c := newClient(t, cfg)
	s, err := c.Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.RevocationURL != cfg.Server.RevocationURL || s.TokenURL != srv.URL(granttest.Token) {
		t.Errorf("got %+v", s)
	}
	var custom struct{ N int }
	if found, err := s.Metadata("custom", &custom); !found || err != nil || custom.N != 7 {
		t.Errorf("got %v %v %v", found, err, custom)
	}
	if found, err := s.Metadata("none", &custom); found || err != nil {
		t.Errorf("got %v %v", found, err)
	}
	if found, err := s.Metadata("issuer", &custom); !found || err == nil {
		t.Errorf("a member of another type: %v %v", found, err)
	}
	if found, err := cfg.Server.Metadata("custom", &custom); found || err != nil {
		t.Errorf("before discovery: %v %v", found, err)
	}
}

func TestServer_EndpointsOfTheConfigNeedNoDiscovery(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	cfg.Server = oauth2grant.Server{TokenURL: srv.URL(granttest.Token), RevocationURL: srv.URL(granttest.Revocation)}
	c := newClient(t, cfg)
	token, err := c.RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Revoke(t.Context(), token.AccessToken, "access_token"); err != nil {
		t.Fatal(err)
	}
	_, err = c.UserInfo(t.Context(), token.AccessToken)
	wantIs(t, err, errors.ErrUnsupported)
	if s, err := c.Server(t.Context()); err != nil || s != cfg.Server {
		t.Errorf("got %+v, %v", s, err)
	}
	if n := srv.Count(granttest.Discovery) + srv.Count(granttest.OpenIDConfiguration); n != 0 {
		t.Errorf("%d requests of discovery", n)
	}
}

func TestServer_NoRefreshIsUnsupported(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	cfg.Server.NoRefresh = true
	_, err := newClient(t, cfg).Refresh(t.Context(), "a-refresh-token", nil)
	wantIs(t, err, errors.ErrUnsupported)
	if oauth2grant.IsTransient(err) || len(srv.Requests()) != 0 {
		t.Errorf("got %v after %v", err, asked(srv))
	}
	_, err = answering(t, 400, `{"error":"unsupported_grant_type"}`).Refresh(t.Context(), "a-refresh-token", nil)
	wantIs(t, err, errors.ErrUnsupported)
}

func TestMetadata_ForbidsNothingThatTheConfigNames(t *testing.T) {
	const device = "urn:ietf:params:oauth:grant-type:device_code"
	list := func(names ...string) any { return append([]string{}, names...) }
	for name, c := range map[string]struct {
		member string
		value  any
		grant  string
		named  func(*oauth2grant.Server)
		ok     bool
	}{
		"null": {
			"grant_types_supported", json.RawMessage(`null`), "client_credentials", nil, true,
		},
		"a string": {"grant_types_supported", "password", "client_credentials", nil, true},
		"an object": {
			"grant_types_supported", map[string]any{}, "client_credentials", nil, true,
		},
		"nothing":       {"grant_types_supported", nil, "client_credentials", nil, true},
		"an empty list": {"grant_types_supported", list(), "client_credentials", nil, false},
		"another list": {
			"grant_types_supported", list("password"), "client_credentials", nil, false,
		},
		"another list, and a token endpoint": {
			"grant_types_supported", list("password"), "client_credentials", func(s *oauth2grant.Server) {
				s.TokenURL = "https://auth.granttest.example/token"
			}, true,
		},
		"device_code for its URN": {"grant_types_supported", list("device_code"), device, nil, true},
		"no device_code":          {"grant_types_supported", list("password"), device, nil, false},
		"no device_code, and its endpoint": {
			"grant_types_supported", list("password"), device, func(s *oauth2grant.Server) {
				s.DeviceAuthURL = "https://as.example/d"
			}, true,
		},
		"no code": {"grant_types_supported", list("password"), "authorization_code", nil, false},
		"no code, and its endpoint": {
			"grant_types_supported", list("password"), "authorization_code", func(s *oauth2grant.Server) {
				s.AuthURL = "https://as.example/a"
			}, true,
		},
		"no refresh_token": {"grant_types_supported", list("password"), "refresh_token", nil, true},
		"no method": {
			"token_endpoint_auth_methods_supported", json.RawMessage(`null`), "client_credentials", nil, true,
		},
		"a method as a string": {
			"token_endpoint_auth_methods_supported", "private_key_jwt", "client_credentials", nil, true,
		},
		"another method": {
			"token_endpoint_auth_methods_supported", list("private_key_jwt"), "client_credentials", nil, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			setMetadata(srv, c.member, c.value)
			cfg := configFor(srv)
			if c.named != nil {
				c.named(&cfg.Server)
			}
			params := url.Values{"grant_type": {c.grant}, "device_code": {"D"}, "code": {"C"}, "refresh_token": {"R"}}
			_, err := newClient(t, cfg).RequestToken(t.Context(), params)
			if errors.Is(err, errors.ErrUnsupported) == c.ok {
				t.Fatalf("got %v", err)
			}
			if !c.ok &&
				(!strings.Contains(err.Error(), c.member) || !strings.Contains(err.Error(), "Server.TokenURL")) {
				t.Errorf("%v names neither the list nor the way round", err)
			}
		})
	}
}

func TestMetadata_SaysWhyAnEndpointIsLeftOut(t *testing.T) {
	for value, want := range map[string]string{
		"https://127.0.0.1/r":       "loopback or private",
		"https://10.0.0.1/r":        "loopback or private",
		"https://[64:ff9b::a00:1]/": "loopback or private",
		"https://100.64.0.1/":       "loopback or private",
		"http://auth.example/r":     "http beyond this machine",
		"https://bücher.example/r":  "xn--bcher-kva.example",
		"https://:443/r":            "no host",
		"https://u:p@as.example/":   "user and fragment",
		"javascript:alert(1)":       "absolute URL",
		"https://127.1/r":           "neither a name nor an address",
		"":                          "no revocation_endpoint",
	} {
		srv := granttest.New(granttest.Config{})
		setMetadata(srv, "revocation_endpoint", value)
		c := newClient(t, configFor(srv))
		err := c.Revoke(t.Context(), "a-token", "")
		wantIs(t, err, errors.ErrUnsupported)
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Server.RevocationURL") {
			t.Errorf("%q: %v", value, err)
		}
		if _, err := c.RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}}); err != nil {
			t.Errorf("%q spoils the rest: %v", value, err)
		}
	}
}

func TestServer_NoRefreshRunsTheFlowAheadOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{RefreshFor: []string{"client_credentials"}})
		cfg := configFor(srv)
		cfg.Server.NoRefresh = true
		failures := 0
		cfg.OnEvent = func(_ context.Context, e oauth2grant.Event) {
			if e.Kind == oauth2grant.EventFailed {
				failures++
			}
		}
		g := open(t, oauth2grant.ClientCredentials{}, cfg)
		ensure(t, g)
		time.Sleep(50 * time.Minute)
		if n := srv.Count(granttest.Token); n != 2 || failures > 0 {
			t.Errorf("%d token requests, %d failures", n, failures)
		}
	})
}

func TestServer_NoRefreshAsksForAPersonOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		cfg := configFor(srv)
		cfg.Server.NoRefresh = true
		var asked, failed atomic.Int32
		cfg.OnEvent = func(_ context.Context, e oauth2grant.Event) {
			switch e.Kind {
			case oauth2grant.EventLoginRequired:
				asked.Add(1)
			case oauth2grant.EventFailed:
				failed.Add(1)
			}
		}
		g := open(t, flow{run: alice().Run, interactive: true}, cfg)
		ensure(t, g)
		synctest.Wait()
		asked.Store(0) // a person was there
		time.Sleep(59 * time.Minute)
		if asked.Load() != 1 || failed.Load() != 0 || !g.Status().Usable {
			t.Errorf("asked for a person %d times, failed %d times; usable %t",
				asked.Load(), failed.Load(), g.Status().Usable)
		}
	})
}
