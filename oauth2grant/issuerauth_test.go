package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// aimed is an IssuerAuth that says where it was aimed.
type aimed struct{ at string }

func (aimed) ClientID() string { return "client" }

func (a aimed) Authenticate(_ context.Context, _ string, _ http.Header, form url.Values) error {
	form.Set("aimed_at", a.at)
	return nil
}

func (aimed) ForIssuer(issuer string) (oauth2grant.ClientAuth, error) {
	if issuer == "" {
		return nil, errors.New("needs Server.Issuer")
	}
	return aimed{issuer}, nil
}

func TestIssuerAuth_LearnsTheIssuer(t *testing.T) {
	srv, cfg := issues(`{"active":true,"access_token":"A","token_type":"Bearer"}`)
	srv.Break(granttest.Introspection, granttest.Fault{Body: `{"active":true}`})
	cfg.Auth, cfg.RevocationAuth = aimed{}, aimed{}
	c := newClient(t, cfg)
	if _, err := (oauth2grant.ClientCredentials{}).Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Introspect(t.Context(), "A", ""); err != nil {
		t.Fatal(err)
	}
	for _, r := range srv.Requests(granttest.Token, granttest.Introspection) {
		if got := r.Form.Get("aimed_at"); got != srv.Issuer() {
			t.Errorf("%s: aimed at %q", r.Endpoint, got)
		}
	}
}

func TestIssuerAuth_RefusesAConfigWithoutAnIssuer(t *testing.T) {
	cfg := oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: "https://auth.example/token"}, Auth: aimed{},
		RevocationAuth: aimed{},
	}
	_, err := oauth2grant.NewClient(cfg)
	if err == nil || strings.Count(err.Error(), "needs Server.Issuer") != 2 {
		t.Errorf("got %v", err)
	}
}
