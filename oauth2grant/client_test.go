package oauth2grant_test

import (
	"errors"
	"io/fs"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"testing"
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

func TestClient_RevokeSaysWhichTokenAndWho(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, refresh, _ := srv.Issue("client", "alice")
	cfg := configFor(srv)
	cfg.Auth, cfg.RevocationAuth = oauth2grant.Public("native"), oauth2grant.SecretPost("client", "secret")
	c := newClient(t, cfg)
	if err := c.Revoke(t.Context(), refresh, "refresh_token"); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"token": {refresh}, "token_type_hint": {"refresh_token"}, "client_id": {"client"}, "client_secret": {"secret"},
	}
	if got := last(t, srv, granttest.Revocation).Form; !reflect.DeepEqual(got, want) {
		t.Errorf("sent %v", got)
	}
	if srv.Active(refresh) || srv.Active(access) {
		t.Error("not revoked")
	}
	if err := c.Revoke(t.Context(), "unknown", ""); err != nil {
		t.Errorf("an unknown token: %v", err)
	}
	srv.Script(granttest.Revocation, granttest.Error(400, "unsupported_token_type", ""),
		granttest.RetryAfter(503, time.Minute))
	wantIs(t, c.Revoke(t.Context(), "T", ""), oauth2grant.UnsupportedTokenType)
	e := isFailure(t, c.Revoke(t.Context(), "T", ""))
	if e.Op != "revocation" || e.RetryAfter != time.Minute || !oauth2grant.IsTransient(e) {
		t.Errorf("got %v", e)
	}
}

func TestClient_IntrospectReturnsWhatTheServerSays(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	access, _, lifetime := srv.Issue("client", "alice", "read")
	c := newClient(t, configFor(srv))
	i, err := c.Introspect(t.Context(), access, "access_token")
	if err != nil {
		t.Fatal(err)
	}
	if !i.Active || i.Scope != "read" || i.ClientID != "client" || i.Username != "alice" || i.Subject != "alice" ||
		time.Until(i.Expiry) > lifetime || time.Until(i.Expiry) < lifetime-time.Minute {
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

func TestClient_UserInfoReturnsWhoThePersonIs(t *testing.T) {
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
	srv.Script(granttest.UserInfo, granttest.Fault{Body: "eyJhbGciOiJub25lIn0.e30."},
		granttest.Fault{Body: `{"email":"x@y"}`})
	for range 2 {
		_, err = c.UserInfo(t.Context(), access)
		wantIs(t, err, errors.ErrUnsupported)
	}
	srv.Script(granttest.UserInfo, granttest.Redirect("https://evil.example/userinfo"))
	_, err = c.UserInfo(t.Context(), access)
	if err == nil || last(t, srv, granttest.UserInfo).URL != srv.URL(granttest.UserInfo) {
		t.Errorf("the token followed a redirect: %v", err)
	}
}

func TestClient_PostSendsAnAuthenticatedFormAndDecodesTheAnswer(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	c := newClient(t, configFor(srv))
	var out struct {
		RequestURI string `json:"request_uri"`
	}
	form := url.Values{"response_type": {"code"}, "redirect_uri": {"http://127.0.0.1/"}}
	if err := c.Post(t.Context(), srv.URL(granttest.PAR), form, &out); err != nil || out.RequestURI == "" {
		t.Errorf("got %+v, %v", out, err)
	}
	r := last(t, srv, granttest.PAR)
	if r.ClientID != "client" || r.Header.Get("Accept") != "application/json" || len(form) != 2 {
		t.Errorf("sent %+v", r)
	}
	wantIs(t, c.Post(t.Context(), srv.URL(granttest.PAR), nil, nil), oauth2grant.InvalidRequest)
	err := c.Post(t.Context(), "http://auth.example/", nil, nil)
	if isFailure(t, err).StatusCode != 0 || oauth2grant.IsTransient(err) {
		t.Errorf("over http: %v", err)
	}
	if err := c.Post(t.Context(), srv.URL(granttest.PAR), form, nil); err != nil {
		t.Errorf("an answer that nobody wants: %v", err)
	}
}

func TestClient_SendsNothingWhereAProofCannotBeMade(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	cfg.Proof = &prover{err: fs.ErrPermission}
	_, err := newClient(t, cfg).RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
	wantIs(t, err, fs.ErrPermission)
	if n := srv.Count(granttest.Token); n != 0 {
		t.Error(strconv.Itoa(n) + " requests were sent")
	}
}
