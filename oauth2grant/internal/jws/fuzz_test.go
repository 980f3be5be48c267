package jws_test

import (
	"crypto/elliptic"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws/jwstest"
)

func FuzzParse(f *testing.F) {
	one := jwkOf(f, jose.JSONWebKey{Key: jwstest.EC(f, elliptic.P256()), KeyID: "one"})
	f.Add([]byte(one))
	f.Add([]byte(`{"keys":[` + one + `,{"kty":"oct","k":"AAAA"},7]}`))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, document []byte) {
		k, err := jws.Parse(document)
		if (k == nil) == (err == nil) {
			t.Fatalf("got %v, %v", k, err)
		}
		if err != nil {
			return
		}
		if _, err := k.Thumbprint(); err != nil {
			t.Errorf("a key without a thumbprint: %v", err)
		}
	})
}
