package dpop

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws"
)

// Prover makes proofs of possession (RFC 9449 §4.2) with one key. It is an
// [oauth2grant.KeyProver], safe for concurrent use, and shows no secret when it
// is given to fmt or slog.
type Prover struct {
	key        *jws.Key
	header     string // encoded; the same in every proof
	thumbprint string
	stored     bool // the key travels with the tokens that are bound to it
	nonces     *nonces
}

var _ oauth2grant.KeyProver = (*Prover)(nil)

// New returns a Prover with key, or with a fresh one on the curve P-256 if key
// is nil. EC keys on P-256, P-384 and P-521 sign by ES256, ES384 and ES512, an
// Ed25519 key by EdDSA, and an RSA key of at least 2,048 bits by PS256; the
// server's metadata says what it takes (dpop_signing_alg_values_supported). The
// key may be that of a hardware module or of a key service; then each request
// waits for it.
//
// A fresh key is kept in the stored record of each token that is bound to it,
// so that the processes of a Store share it; a key of the user's own is not,
// and whoever shares the token needs the same one.
func New(key crypto.Signer) (*Prover, error) {
	if key != nil {
		return newProver(key, false, &nonces{})
	}
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	return newProver(fresh, true, &nonces{})
}

func newProver(signer crypto.Signer, stored bool, n *nonces) (*Prover, error) {
	key, err := jws.New(signer, "")
	if err == nil && key.Algorithm() == "RS256" {
		key, err = key.With("PS256", "")
	}
	if err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	return proverOf(key, stored, n)
}

func proverOf(key *jws.Key, stored bool, n *nonces) (*Prover, error) {
	public, err := key.Public()
	if err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	p := &Prover{key: key, stored: stored, nonces: n}
	if p.thumbprint, err = key.Thumbprint(); err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	p.header, err = jws.Encode(struct {
		Type      string          `json:"typ"`
		Algorithm string          `json:"alg"`
		Key       json.RawMessage `json:"jwk"`
	}{"dpop+jwt", key.Algorithm(), public})
	if err != nil {
		return nil, fmt.Errorf("dpop: %w", err)
	}
	return p, nil
}

// claims are those of RFC 9449 §4.2.
type claims struct {
	ID       string `json:"jti"`
	Method   string `json:"htm"`
	URL      string `json:"htu"`
	IssuedAt int64  `json:"iat"`
	Token    string `json:"ath,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
}

// Proof returns a proof for one request, which must not be sent twice. The
// nonce in it is that of r or else the last one learnt from the origin of r's
// URL. It blocks only as long as the key takes to sign; the error is the key's,
// or says that the URL is none.
func (p *Prover) Proof(_ context.Context, r oauth2grant.ProofRequest) (string, error) {
	u, err := url.Parse(r.URL)
	if err != nil || u.Host == "" {
		return "", errors.New("dpop: the request has no usable URL")
	}
	c := claims{ID: rand.Text(), Method: r.Method, IssuedAt: time.Now().Unix(), Nonce: r.Nonce}
	if c.Nonce == "" {
		c.Nonce = p.nonces.of(originOf(u))
	}
	u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment, u.User = "", false, "", "", nil
	c.URL = u.String()
	if r.AccessToken != "" {
		sum := sha256.Sum256([]byte(r.AccessToken))
		c.Token = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	payload, err := jws.Encode(c)
	if err != nil {
		return "", fmt.Errorf("dpop: %w", err)
	}
	proof, err := p.key.Sign(p.header, payload)
	if err != nil {
		return "", fmt.Errorf("dpop: %w", err)
	}
	return proof, nil
}

// Learn keeps the nonce for the next proofs to that origin, in the form
// scheme://host:port. It keeps those of the 64 origins used last.
func (p *Prover) Learn(origin, nonce string) { p.nonces.learn(origin, nonce) }

// Thumbprint returns the SHA-256 thumbprint of the public key (RFC 7638).
func (p *Prover) Thumbprint() string { return p.thumbprint }

// PrivateKey returns the private key as a JWK if it was made here, to be kept
// with the tokens that are bound to it, and otherwise an empty string.
func (p *Prover) PrivateKey() string {
	if !p.stored {
		return ""
	}
	private, err := p.key.Private()
	if err != nil {
		return "" // not of a key that was made, or read, here
	}
	return string(private)
}

// WithKey returns a Prover with the private key that a stored record holds, as
// a JWK. It shares the nonces with p.
func (p *Prover) WithKey(jwk string) (oauth2grant.Prover, error) {
	key, err := jws.Parse([]byte(jwk))
	if err != nil {
		return nil, fmt.Errorf("dpop: the stored key: %w", err)
	}
	if key.Algorithm() == "RS256" {
		if key, err = key.With("PS256", ""); err != nil {
			return nil, fmt.Errorf("dpop: the stored key: %w", err)
		}
	}
	return proverOf(key, true, p.nonces)
}

// String names the key by its thumbprint.
func (p Prover) String() string {
	if p.key == nil {
		return "Prover{none}"
	}
	return fmt.Sprintf("Prover{%s, key %s}", p.key.Algorithm(), p.thumbprint)
}

// Format implements fmt.Formatter: no verb shows the key.
func (p Prover) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// LogValue implements slog.LogValuer.
func (p Prover) LogValue() slog.Value { return slog.StringValue(p.String()) }

// originOf returns the origin of a URL in the form that the core names it by.
func originOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(u.Scheme + "://" + u.Hostname() + ":" + port)
}
