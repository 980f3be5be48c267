package dpop_test

import (
	"context"
	"crypto/elliptic"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws/jwstest"
)

// shared opens a grant of a process of its own: with a store on the same file,
// and with a Prover that has a key of its own.
func shared(
	t *testing.T, srv *granttest.Server, path string, flow oauth2grant.Flow, proof oauth2grant.Prover,
) *oauth2grant.Grant {
	t.Helper()
	store, err := filestore.Open(filestore.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	g, err := oauth2grant.New(context.Background(), flow, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: srv.Issuer()}, Auth: oauth2grant.SecretBasic("client", "secret"),
		Proof: proof, HTTPClient: srv.HTTPClient(), Store: store,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func use(t *testing.T, srv *granttest.Server, g *oauth2grant.Grant) {
	t.Helper()
	api := &http.Client{Transport: g.Transport(srv.Transport())}
	res, err := api.Get(srv.URL(granttest.Resource))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("the API answers %d", res.StatusCode)
	}
}

func TestGrant_SharesTheKeyWithTheProcessesOfItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, path := granttest.New(granttest.Config{DPoPNonce: true}), t.TempDir()+"/token.json"
		alice := oauth2grant.Password{Username: "alice", Password: "wonderland"}
		use(t, srv, shared(t, srv, path, alice, newProver(t, nil)))
		other := shared(t, srv, path, oauth2grant.RefreshOnly{}, newProver(t, nil))
		use(t, srv, other) // with a token that is bound to the key of the first
		time.Sleep(2 * time.Hour)
		if _, err := other.RefreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		use(t, srv, other)
		use(t, srv, shared(t, srv, path, oauth2grant.RefreshOnly{}, newProver(t, nil)))
		if srv.ReuseDetected() != 0 {
			t.Error("a refresh token was used twice")
		}
	})
}

func TestGrant_NeedsASignInWhereTheKeyOfItsTokenIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, path := granttest.New(granttest.Config{DPoP: true}), t.TempDir()+"/token.json"
		own := jwstest.EC(t, elliptic.P256()) // it stays with its owner
		alice := oauth2grant.Password{Username: "alice", Password: "wonderland"}
		use(t, srv, shared(t, srv, path, alice, newProver(t, own)))
		before := srv.Count(granttest.Token)
		other := shared(t, srv, path, oauth2grant.RefreshOnly{}, newProver(t, nil))
		for range 10 {
			if err := other.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
				t.Fatalf("got %v", err)
			}
			time.Sleep(time.Minute)
		}
		if n := srv.Count(granttest.Token) - before; n != 0 {
			t.Errorf("%d token requests with a key that is not at hand", n)
		}
		use(t, srv, shared(t, srv, path, alice, newProver(t, nil))) // a flow that needs nobody is run
	})
}
