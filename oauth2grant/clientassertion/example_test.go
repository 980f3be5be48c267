package clientassertion_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// register makes a key, and a server that knows its public half.
func register() (document []byte, signer crypto.Signer, srv *granttest.Server) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "2026"}}})
	if err != nil {
		panic(err)
	}
	srv = granttest.New(granttest.Config{Clients: []granttest.Client{{ID: "service", Keys: string(set)}}})
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), key, srv
}

// A service that authenticates with its private key.
func ExamplePrivateKeyJWT() {
	document, _, srv := register() // the key that the service was given

	key, err := clientassertion.ParseKey(document)
	if err != nil {
		fmt.Println(err)
		return
	}
	grant, err := oauth2grant.New(context.Background(), oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       clientassertion.PrivateKeyJWT("service", key.WithID("2026"), nil),
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()
	fmt.Println(grant.EnsureActiveToken(context.Background()))
	// Output: <nil>
}

// A key that stays in a key service, and a server that wants PS256 or ES256, as
// FAPI 2.0 does.
func ExampleNewKey() {
	_, signer, srv := register() // any crypto.Signer: of a hardware module, or of a cloud's key service

	key, err := clientassertion.NewKey(signer, "2026")
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       clientassertion.PrivateKeyJWT("service", key, &clientassertion.Options{Algorithm: "ES256"}),
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := oauth2grant.ClientCredentials{}.Run(context.Background(), client)
	fmt.Println(token.TokenType, err)
	// Output: Bearer <nil>
}
