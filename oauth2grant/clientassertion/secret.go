package clientassertion

import (
	"context"
	"crypto"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// ClientSecretJWT authenticates the client by assertions that it signs with the
// secret that it shares with the server, which is not sent itself
// (client_secret_jwt of OpenID Connect Core §9). The secret has at least 32
// bytes for HS256, 48 for HS384 and 64 for HS512 (RFC 7518 §3.2). The options
// may be nil.
func ClientSecretJWT(id, secret string, options *Options) oauth2grant.ClientAuth {
	a := secretJWT(id, func(context.Context) (string, error) { return secret, nil }, options)
	a.static = func() error {
		_, err := newMAC(secret, a.options.Algorithm)
		return err
	}
	return a
}

// ClientSecretJWTFunc is [ClientSecretJWT] with a secret that may change:
// secret is asked before every request, and must return when its context ends.
func ClientSecretJWTFunc(
	id string, secret func(context.Context) (string, error), options *Options,
) oauth2grant.ClientAuth {
	return secretJWT(id, secret, options)
}

func secretJWT(id string, secret func(context.Context) (string, error), options *Options) *signed {
	o := options.orDefault()
	return &signed{id: id, method: "client_secret_jwt", options: o, signer: func(ctx context.Context) (signer, error) {
		if secret == nil {
			return nil, errors.New("clientassertion: ClientSecretJWTFunc needs a func")
		}
		s, err := secret(ctx)
		if err != nil {
			return nil, err
		}
		return newMAC(s, o.Algorithm)
	}}
}

// mac signs with a shared secret (RFC 7518 §3.2).
type mac struct {
	name   string
	hash   crypto.Hash
	secret func() string // a func, which no verb of fmt looks into
}

var hashes = map[string]crypto.Hash{"HS256": crypto.SHA256, "HS384": crypto.SHA384, "HS512": crypto.SHA512}

func newMAC(secret, algorithm string) (*mac, error) {
	if algorithm == "" {
		algorithm = "HS256"
	}
	hash, ok := hashes[algorithm]
	if !ok {
		return nil, fmt.Errorf("clientassertion: Options.Algorithm is %q: a secret is used with HS256, HS384 or HS512",
			algorithm)
	}
	if size := hash.Size(); len(secret) < size {
		return nil, fmt.Errorf("clientassertion: the secret has %d bytes: %s needs at least %d",
			len(secret), algorithm, size)
	}
	return &mac{name: algorithm, hash: hash, secret: func() string { return secret }}, nil
}

func (m *mac) Algorithm() string { return m.name }

func (m *mac) Sign(header, payload string) (string, error) {
	input := header + "." + payload
	h := hmac.New(m.hash.New, []byte(m.secret()))
	h.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}
