package granttest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Platform signs assertions as a platform does that workloads run on: a
// cluster, a cloud, a CI service. It is an [http.Handler] that serves its keys
// as a JWK Set (RFC 7517), safe for concurrent use.
type Platform struct {
	issuer string

	mu   sync.Mutex
	keys []jose.JSONWebKey // the newest first; guarded by mu
}

// NewPlatform makes a platform that goes by issuer, with a fresh key.
func NewPlatform(issuer string) *Platform {
	p := &Platform{issuer: issuer}
	p.RotateKey()
	return p
}

// RotateKey makes the platform sign with another key. The ones before stay
// good.
func (p *Platform) RotateKey() {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("granttest: no key: " + err.Error())
	}
	p.keys = slices.Insert(p.keys, 0, jose.JSONWebKey{
		Key: key, KeyID: fmt.Sprint("key-", len(p.keys)),
		Algorithm: "ES256", Use: "sig",
	})
}

// Assertion signs an assertion that is good for five minutes: subject, for
// audience. The extra claims, which may be nil, win over the usual ones; a nil
// value takes one away.
func (p *Platform) Assertion(subject, audience string, extra map[string]any) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	claims := map[string]any{
		"iss": p.issuer, "sub": subject, "aud": audience, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	}
	maps.Copy(claims, extra)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.keys[0]},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic("granttest: no signer: " + err.Error())
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic("granttest: a claim that JSON cannot say: " + err.Error())
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		panic("granttest: no signature: " + err.Error())
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		panic("granttest: no signature: " + err.Error())
	}
	return text
}

// JWKS returns the public keys as a JWK Set.
func (p *Platform) JWKS() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, k := range p.keys {
		set.Keys = append(set.Keys, k.Public())
	}
	text, err := json.Marshal(set)
	if err != nil {
		panic("granttest: a key that JSON cannot say: " + err.Error())
	}
	return string(text)
}

// ServeHTTP answers with the public keys.
func (p *Platform) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/jwk-set+json")
	_, _ = w.Write([]byte(p.JWKS()))
}

// Trust returns a [Config.Identity] that takes the platform's assertions for
// audience, as often as they come.
func (p *Platform) Trust(audience string) func(assertion string) (subject string, err error) {
	return func(assertion string) (string, error) {
		j, err := verifyJWT(assertion, []jose.SignatureAlgorithm{jose.ES256}, pickFrom(p.JWKS()))
		switch {
		case err != nil:
			return "", err
		case j.text("iss") != p.issuer:
			return "", fmt.Errorf("its iss is %q", j.text("iss"))
		case j.text("aud") != audience:
			return "", fmt.Errorf("its aud is %v", j.claims["aud"])
		case j.text("sub") == "":
			return "", errors.New("its sub is missing")
		}
		return j.text("sub"), j.current()
	}
}
