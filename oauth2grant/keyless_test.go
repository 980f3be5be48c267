package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// constantly returns a source that always has the same.
func constantly(value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, nil }
}

// issues makes a server that answers every token request with a token, whatever
// was sent.
func issues(token string) (*granttest.Server, oauth2grant.Config) {
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Token, granttest.Fault{Header: http.Header{"Content-Type": {"application/json"}}, Body: token})
	cfg := configFor(srv)
	cfg.Server.TokenURL = srv.URL(granttest.Token)
	cfg.Scopes = []string{"read"}
	return srv, cfg
}

func TestJWTBearer_SendsItsAssertion(t *testing.T) {
	srv, cfg := issues(`{"access_token":"A","token_type":"Bearer","expires_in":60}`)
	g := open(t, oauth2grant.JWTBearer{Assertion: constantly("j.w.t")}, cfg)
	if got := tokenOf(t, g); got.AccessToken != "A" || got.Scope != "read" {
		t.Errorf("got %v", got)
	}
	f := last(t, srv, granttest.Token).Form
	if f.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || f.Get("assertion") != "j.w.t" ||
		f.Get("scope") != "read" {
		t.Errorf("sent %v", f)
	}
}

func TestTokenExchange_SendsSubjectAndActor(t *testing.T) {
	srv, cfg := issues(
		`{"access_token":"A","token_type":"N_A","issued_token_type":"urn:ietf:params:oauth:token-type:id-jag"}`)
	cfg.Params = map[string][]string{"audience": {"https://other.example"}}
	flow := oauth2grant.TokenExchange{
		Subject: constantly("subject"), SubjectType: oauth2grant.TokenTypeIDToken,
		Actor: constantly("actor"), ActorType: oauth2grant.TokenTypeJWT, RequestedType: oauth2grant.TokenTypeIDJAG,
	}
	got, err := flow.Run(t.Context(), newClient(t, cfg))
	if err != nil || got.AccessToken != "A" || got.TokenType != "N_A" {
		t.Fatalf("got %v, %v", got, err)
	}
	var issued string
	if _, err := got.Extra("issued_token_type", &issued); err != nil || issued != oauth2grant.TokenTypeIDJAG {
		t.Errorf("issued_token_type %q, %v", issued, err)
	}
	f := last(t, srv, granttest.Token).Form
	for name, want := range map[string]string{
		"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": "https://other.example",
		"scope":         "read",
		"subject_token": "subject", "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
		"actor_token": "actor", "actor_token_type": "urn:ietf:params:oauth:token-type:jwt",
		"requested_token_type": "urn:ietf:params:oauth:token-type:id-jag",
	} {
		if f.Get(name) != want {
			t.Errorf("sent %s %q, want %q", name, f.Get(name), want)
		}
	}
}

func TestClient_TakesNoTokenThatIsNoAccessTokenFromAnotherGrant(t *testing.T) {
	_, cfg := issues(`{"access_token":"A","token_type":"N_A"}`)
	if got, err := (oauth2grant.JWTBearer{Assertion: constantly("j.w.t")}).Run(t.Context(), newClient(t,
		cfg)); err == nil {
		t.Errorf("got %v", got)
	}
}

func TestKeylessFlows_NeedTheirSources(t *testing.T) {
	down := errors.New("the platform is down")
	failing := func(context.Context) (string, error) { return "", down }
	srv, cfg := issues(`{}`)
	for name, c := range map[string]struct {
		flow    oauth2grant.Flow
		refused bool // by New
		want    error
	}{
		"no assertion":    {flow: oauth2grant.JWTBearer{}, refused: true},
		"no subject":      {flow: oauth2grant.TokenExchange{SubjectType: "x"}, refused: true},
		"no subject type": {flow: oauth2grant.TokenExchange{Subject: failing}, refused: true},
		"no actor type": {
			flow:    oauth2grant.TokenExchange{Subject: failing, SubjectType: "x", Actor: failing},
			refused: true,
		},
		"no actor": {
			flow:    oauth2grant.TokenExchange{Subject: failing, SubjectType: "x", ActorType: "x"},
			refused: true,
		},
		"a failing assertion": {flow: oauth2grant.JWTBearer{Assertion: failing}, want: down},
		"an empty assertion":  {flow: oauth2grant.JWTBearer{Assertion: constantly("")}},
		"a failing subject":   {flow: oauth2grant.TokenExchange{Subject: failing, SubjectType: "x"}, want: down},
		"a failing actor": {
			flow: oauth2grant.TokenExchange{
				Subject: constantly("s"), SubjectType: "x", Actor: failing,
				ActorType: "x",
			}, want: down,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := oauth2grant.New(t.Context(), c.flow, cfg)
			if (err != nil) != c.refused {
				t.Fatalf("New: %v", err)
			}
			if err == nil {
				defer g.Close()
			}
			if _, err = c.flow.Run(t.Context(), newClient(t, cfg)); err == nil || c.want != nil && !errors.Is(err,
				c.want) {
				t.Errorf("Run: %v, want %v", err, c.want)
			}
			if c.flow.Interactive() {
				t.Error("needs a person")
			}
		})
	}
	if n := srv.Count(granttest.Token); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func TestJWTBearer_AsksAgainAfterItsSourceHasFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, cfg := issues(`{"access_token":"A","token_type":"Bearer","expires_in":60}`)
		asked := 0
		g := open(t, oauth2grant.JWTBearer{Assertion: func(context.Context) (string, error) {
			if asked++; asked < 3 {
				return "", errors.New("the platform is down")
			}
			return "j.w.t", nil
		}}, cfg)
		if err := g.EnsureActiveToken(t.Context()); err == nil {
			t.Fatal("there is a token without an assertion")
		}
		pass(10 * time.Minute)
		ensure(t, g)
	})
}

func TestError_SaysThatAClockIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			code oauth2grant.Code
			off  time.Duration // the server's clock against this one
			want string
		}{
			"an hour ahead":            {oauth2grant.InvalidClient, -time.Hour, "clock is 1h0m0s ahead"},
			"an hour behind":           {oauth2grant.InvalidGrant, time.Hour, "clock is 1h0m0s behind"},
			"with a proof":             {oauth2grant.InvalidDPoPProof, time.Hour, "clock is 1h0m0s behind"},
			"a little":                 {oauth2grant.InvalidGrant, 20 * time.Second, ""},
			"of a clock never set":     {oauth2grant.InvalidClient, time.Until(time.Unix(9, 0)), ""},
			"where it does not matter": {oauth2grant.InvalidScope, time.Hour, ""},
		} {
			srv, cfg := issues("")
			f := granttest.Error(400, string(c.code), "no")
			f.Header.Set("Date", time.Now().Add(c.off).UTC().Format(http.TimeFormat))
			srv.Break(granttest.Token, f)
			_, err := oauth2grant.ClientCredentials{}.Run(t.Context(), newClient(t, cfg))
			wantIs(t, err, c.code)
			if !strings.Contains(err.Error(), c.want) || c.want == "" && strings.Contains(err.Error(), "clock") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestGrant_HoldsNothingThatIsNoAccessToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, cfg := issues(`{"access_token":"A","token_type":"N_A","issued_token_type":"urn:x","expires_in":600}`)
		g := open(t, oauth2grant.TokenExchange{Subject: constantly("s"), SubjectType: "x"}, cfg)
		if err := g.EnsureActiveToken(t.Context()); err == nil || !strings.Contains(err.Error(), "pass it on") {
			t.Errorf("got %v", err)
		}
		pass(time.Minute)
		if n := srv.Count(granttest.Token); n > 10 {
			t.Errorf("%d token requests in a minute", n)
		}
	})
}
