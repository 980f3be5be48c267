package oauth2grant_test

import (
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// atAnother makes a client of srv as another process does, which has a fresh
// key of its own.
func atAnother(t *testing.T, srv *granttest.Server) (*oauth2grant.Client, *dpop.Prover) {
	t.Helper()
	p, err := dpop.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := configFor(srv)
	cfg.Proof = p
	return newClient(t, cfg), p
}

func TestToken_IsUsedWithItsKeyByAnotherProcess(t *testing.T) {
	srv := granttest.New(granttest.Config{DPoPNonce: true})
	here, p := atAnother(t, srv)
	token, err := alice().Run(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	token = stored(t, oauth2grant.BoundTo(token, p))

	there, own := atAnother(t, srv)
	if _, err := there.Refresh(t.Context(), token.RefreshToken, nil); err == nil {
		t.Fatal("the server takes a refresh token with another key")
	}
	with, err := oauth2grant.ProverFor(token, own)
	if err != nil {
		t.Fatal(err)
	}
	ctx := there.WithProver(t.Context(), with)
	if u, err := there.UserInfo(ctx, token.AccessToken); err != nil || u.Subject != "alice" {
		t.Errorf("user info: %v, %v", u, err)
	}
	if _, err := there.Refresh(ctx, token.RefreshToken, nil); err != nil {
		t.Errorf("refresh: %v", err)
	}
}
