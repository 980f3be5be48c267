package clientassertion

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws"
)

// TypeJWTBearer is the type of assertions that the client signs itself, and of
// most others (RFC 7523 §2.2).
const TypeJWTBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" //nolint:gosec // a name, no credential

// PrivateKeyJWT authenticates the client by assertions that it signs with its
// private key (private_key_jwt of OpenID Connect Core §9; RFC 7523 §2.2). Each
// request carries a fresh one. The options may be nil.
//
// New refuses a Config whose key and options do not fit, or that names no
// audience.
func PrivateKeyJWT(id string, key Key, options *Options) oauth2grant.ClientAuth {
	return PrivateKeyJWTFunc(id, func(context.Context) (Key, error) { return key, nil }, options).(*signed).with(key)
}

// PrivateKeyJWTFunc is [PrivateKeyJWT] with a key that may change: key is asked
// before every request, and must return when its context ends. [KeyFile] is
// such a func.
func PrivateKeyJWTFunc(id string, key func(context.Context) (Key, error), options *Options) oauth2grant.ClientAuth {
	o := options.orDefault()
	return &signed{id: id, method: "private_key_jwt", options: o, signer: func(ctx context.Context) (signer, error) {
		if key == nil {
			return nil, errors.New("clientassertion: PrivateKeyJWTFunc needs a func")
		}
		k, err := key(ctx)
		if err != nil {
			return nil, err
		}
		return k.signer(o.Algorithm)
	}}
}

// signer makes signatures.
type signer interface {
	Algorithm() string
	Sign(header, payload string) (string, error)
}

// signer returns what signs with k.
func (k Key) signer(algorithm string) (*jws.Key, error) {
	if k.key == nil {
		return nil, errors.New("clientassertion: the Key is empty: make it by ParseKey or NewKey")
	}
	s, err := k.key.With(algorithm, "")
	if err != nil {
		return nil, fmt.Errorf("clientassertion: Options.Algorithm: %w", err)
	}
	return s, nil
}

// signed signs its assertions itself.
type signed struct {
	id      string
	method  string // as metadata calls it
	options Options
	issuer  string
	signer  func(context.Context) (signer, error)
	static  func() error // of a key that does not change: whether it fits
}

func (a *signed) with(key Key) *signed {
	a.static = func() error {
		_, err := key.signer(a.options.Algorithm)
		return err
	}
	return a
}

func (a *signed) ClientID() string { return a.id }

// ForIssuer implements [oauth2grant.IssuerAuth].
func (a *signed) ForIssuer(issuer string) (oauth2grant.ClientAuth, error) {
	if err := a.options.check(issuer); err != nil {
		return nil, err
	}
	if a.static != nil {
		if err := a.static(); err != nil {
			return nil, err
		}
	}
	at := *a
	at.issuer = issuer
	return &at, nil
}

// header is that of an assertion.
type header struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid,omitempty"`
}

// claims are those of RFC 7523 §3.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	ID       string `json:"jti"`
	IssuedAt int64  `json:"iat"`
	Expiry   int64  `json:"exp"`
}

func (a *signed) Authenticate(ctx context.Context, _ string, _ http.Header, form url.Values) error {
	if err := a.options.check(a.issuer); err != nil {
		return err
	}
	s, err := a.signer(ctx)
	if err != nil {
		return err
	}
	h := header{Type: a.options.Type, Algorithm: s.Algorithm()}
	if k, ok := s.(*jws.Key); ok {
		h.ID = k.ID
	}
	now := time.Now()
	c := claims{
		Issuer: a.id, Subject: a.id, Audience: a.options.Audience, ID: rand.Text(),
		IssuedAt: now.Unix(), Expiry: now.Add(a.options.Lifetime).Unix(),
	}
	if c.Audience == "" {
		c.Audience = a.issuer
	}
	head, err := jws.Encode(h)
	if err != nil {
		return fmt.Errorf("clientassertion: %w", err)
	}
	payload, err := jws.Encode(c)
	if err != nil {
		return fmt.Errorf("clientassertion: %w", err)
	}
	assertion, err := s.Sign(head, payload)
	if err != nil {
		return fmt.Errorf("clientassertion: %w", err)
	}
	put(form, a.id, TypeJWTBearer, assertion)
	return nil
}

// put adds an assertion to a form (RFC 7521 §4.2). Some servers look the client
// up by client_id.
func put(form url.Values, id, assertionType, assertion string) {
	form.Set("client_id", id)
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", assertion)
}

// String describes the authentication without its key.
func (a *signed) String() string { return fmt.Sprintf("ClientAuth{%s, id %q}", a.method, a.id) }

// Format implements fmt.Formatter: no verb shows the key.
func (a *signed) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// LogValue implements slog.LogValuer.
func (a *signed) LogValue() slog.Value { return slog.StringValue(a.String()) }
