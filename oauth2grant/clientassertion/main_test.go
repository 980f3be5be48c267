package clientassertion_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws/jwstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuer = "https://auth.granttest.example"

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	return jwstest.EC(t, elliptic.P256())
}

// signers are one key of each type, by its usual algorithm.
func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	return map[string]crypto.Signer{"ES256": ecKey(t), "EdDSA": jwstest.Ed25519(t), "RS256": jwstest.RSA(t, 2048)}
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
