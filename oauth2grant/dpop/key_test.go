package dpop_test

import (
	"crypto"
	"crypto/elliptic"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws/jwstest"
)

func TestNew_RefusesAKey(t *testing.T) {
	for name, c := range map[string]struct {
		key  crypto.Signer
		want string
	}{
		"that is too small": {jwstest.RSA(t, 1024), "2048"},
		"on another curve":  {jwstest.EC(t, elliptic.P224()), "P-256"},
		"of another type":   {public{}, "EC, Ed25519 or RSA"},
	} {
		t.Run(name, func(t *testing.T) {
			if p, err := dpop.New(c.key); err == nil || p != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v", p, err)
			}
		})
	}
}

func TestProver_KeyTravelsWithTheToken(t *testing.T) {
	here, there := newProver(t, nil), newProver(t, nil)
	there.Learn("https://api.example:443", "shared")
	same, err := there.WithKey(here.PrivateKey())
	if err != nil {
		t.Fatal(err)
	}
	if same.Thumbprint() != here.Thumbprint() || same.Thumbprint() == there.Thumbprint() {
		t.Errorf("thumbprints %s, %s", here.Thumbprint(), same.Thumbprint())
	}
	if p := prove(t, same, oauth2grant.ProofRequest{
		Method: "GET",
		URL:    "https://api.example/",
	}); p.Claims["nonce"] != "shared" {
		t.Errorf("nonce %v", p.Claims["nonce"])
	}
	for name, key := range keys(t) {
		if own := newProver(t, key); own.PrivateKey() != "" {
			t.Errorf("%s: a key of the user's own would be stored", name)
		}
	}
}

func TestProver_WithKeyRefusesWhatIsNoKey(t *testing.T) {
	p := newProver(t, nil)
	for _, bad := range []string{
		"", "null", "{}", `{"kty":"oct","k":"MARK"}`, p.PrivateKey()[:40],
		`{"kty":"EC","d":"MARK"}`,
	} {
		if got, err := p.WithKey(bad); err == nil || got != nil || strings.Contains(err.Error(), "MARK") {
			t.Errorf("%q: got %v, %v", bad, got, err)
		}
	}
}
