package clientassertion_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuer = "https://auth.granttest.example"

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signers are one key of each type, by its usual algorithm.
func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"ES256": ecKey(t), "EdDSA": ed, "RS256": r}
}

func newKey(t testing.TB, signer crypto.Signer, id string) clientassertion.Key {
	t.Helper()
	k, err := clientassertion.NewKey(signer, id)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// jwks is the JWK Set of public keys, by kid.
func jwks(t testing.TB, keys map[string]crypto.Signer) string {
	t.Helper()
	var set jose.JSONWebKeySet
	for id, key := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: id})
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// newClient makes a client of a server; edit may change its Config.
func newClient(srv *granttest.Server, auth oauth2grant.ClientAuth) (*oauth2grant.Client, error) {
	return oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: srv.Issuer()}, Auth: auth,
		HTTPClient: srv.HTTPClient(),
	})
}

// run asks a server for a token.
func run(ctx context.Context, srv *granttest.Server, auth oauth2grant.ClientAuth) error {
	c, err := newClient(srv, auth)
	if err != nil {
		return err
	}
	_, err = oauth2grant.ClientCredentials{}.Run(ctx, c)
	return err
}

// sent is the form that auth would send to the server that goes by issuer.
func sent(t testing.TB, auth oauth2grant.ClientAuth, issuer string) url.Values {
	t.Helper()
	auth, err := auth.(oauth2grant.IssuerAuth).ForIssuer(issuer)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	if err := auth.Authenticate(t.Context(), issuer+"/token", http.Header{}, form); err != nil {
		t.Fatal(err)
	}
	return form
}
