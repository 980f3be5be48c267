package oauth2grant

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
)

// ClientAuth authenticates the client to the authorization server (RFC 6749
// §2.3). Implementations are safe for concurrent use.
//
// A ClientAuth of your own may have one more method:
//
//	AuthMethod() string
//
// It returns the name of its method in token_endpoint_auth_methods_supported
// (RFC 8414 §2), such as "private_key_jwt", for comparison with what the
// server's metadata offers. Without it there is none.
type ClientAuth interface {
	// ClientID gives the client identifier.
	ClientID() string
	// Authenticate adds what proves the client's identity to the header or the form of one request to endpoint. It is called anew for every send.
	Authenticate(ctx context.Context, endpoint string, h http.Header, form url.Values) error
}

// AuthMethod says where a client secret goes.
type AuthMethod string

// Methods of RFC 6749 §2.3.1. MethodBasicRaw is MethodBasic without the form-encoding of id and secret, for servers that do not decode it.
const (
	MethodBasic    AuthMethod = "client_secret_basic"
	MethodBasicRaw AuthMethod = "client_secret_basic_raw"
	MethodPost     AuthMethod = "client_secret_post"
)

// SecretBasic sends id and secret, form-encoded, by HTTP Basic (RFC 6749 §2.3.1).
func SecretBasic(id, secret string) ClientAuth { return SecretFunc(id, MethodBasic, constant(secret)) }

// SecretPost sends id and secret in the form (RFC 6749 §2.3.1).
func SecretPost(id, secret string) ClientAuth { return SecretFunc(id, MethodPost, constant(secret)) }

// SecretFunc asks secret for the client secret before every send, so that it can be rotated. After the server has refused a secret, the next call asks
// again at once if secret then gives another one.
func SecretFunc(id string, method AuthMethod, secret func(context.Context) (string, error)) ClientAuth {
	return &secretAuth{id: id, kind: method, secret: secret}
}

// SecretFile reads the client secret from a file before every send; one trailing newline is cut.
func SecretFile(id string, method AuthMethod, path string) ClientAuth {
	return SecretFunc(id, method, func(context.Context) (string, error) {
		content, err := os.ReadFile(path) //nolint:gosec // the path is the user's own
		if err != nil {
			return "", fmt.Errorf("oauth2grant: read the client secret: %w", err)
		}
		return string(bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r"))), nil
	})
}

// Public is a client without a secret: it sends its id only (RFC 6749 §2.1). A client that authenticates by mutual TLS is one too, with its certificate in
// Config.HTTPClient (RFC 8705 §2).
func Public(id string) ClientAuth { return publicAuth(id) }

func constant(secret string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return secret, nil }
}

type secretAuth struct {
	id     string
	kind   AuthMethod
	secret func(context.Context) (string, error)
}

func (a *secretAuth) ClientID() string { return a.id }

func (a *secretAuth) Authenticate(ctx context.Context, _ string, h http.Header, form url.Values) error {
	secret, err := a.secret(ctx)
	if err != nil {
		return err
	}
	witnessOf(ctx).saw(a, secret)
	switch a.kind {
	case MethodPost:
		form.Set("client_id", a.id)
		form.Set("client_secret", secret)
	case MethodBasicRaw:
		h.Set("Authorization", basic(a.id, secret))
	default:
		h.Set("Authorization", basic(url.QueryEscape(a.id), url.QueryEscape(secret)))
	}
	return nil
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// method is what the server's metadata calls it (RFC 8414 §2).
func (a *secretAuth) method() string {
	if a.kind == MethodBasicRaw {
		return string(MethodBasic)
	}
	return string(a.kind)
}

func (a *secretAuth) validate() error {
	switch a.kind {
	case MethodBasic, MethodBasicRaw, MethodPost:
	default:
		return fmt.Errorf("unknown AuthMethod %q: use MethodBasic, MethodBasicRaw or MethodPost", string(a.kind))
	}
	if a.secret == nil {
		return errors.New("SecretFunc needs a func")
	}
	return nil
}

func (a *secretAuth) probe(ctx context.Context) (uint64, error) {
	secret, err := a.secret(ctx)
	return fingerprint(secret), err
}

// String describes the authentication without the secret.
func (a *secretAuth) String() string { return fmt.Sprintf("ClientAuth{%s, id %q}", a.kind, a.id) }

// Format implements fmt.Formatter: no verb shows the secret.
func (a *secretAuth) Format(f fmt.State, _ rune) { formatRedacted(f, a.String()) }

// LogValue implements slog.LogValuer.
func (a *secretAuth) LogValue() slog.Value { return slog.StringValue(a.String()) }

type publicAuth string

func (a publicAuth) ClientID() string { return string(a) }

func (a publicAuth) Authenticate(_ context.Context, _ string, _ http.Header, form url.Values) error {
	form.Set("client_id", string(a))
	return nil
}

// witness remembers, as fingerprints, the credentials that a grant sent last.
type witness struct {
	auth         ClientAuth // whose secret it is; others may be asked within the same flow
	client, user atomic.Uint64
}

func (w *witness) saw(auth *secretAuth, secret string) {
	if w.auth == ClientAuth(auth) {
		w.client.Store(fingerprint(secret))
	}
}

type witnessKey struct{}

var noWitness witness

func withWitness(ctx context.Context, w *witness) context.Context {
	return context.WithValue(ctx, witnessKey{}, w)
}

func witnessOf(ctx context.Context) *witness {
	if w, ok := ctx.Value(witnessKey{}).(*witness); ok {
		return w
	}
	return &noWitness
}

var fingerprintSeed = maphash.MakeSeed()

// fingerprint tells two secrets apart without keeping them.
func fingerprint(parts ...string) uint64 {
	var h maphash.Hash
	h.SetSeed(fingerprintSeed)
	for _, p := range parts {
		_, _ = h.WriteString(p)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// prober is a Flow or ClientAuth whose credentials can change.
type prober interface {
	probe(ctx context.Context) (uint64, error)
}

// changed tells whether what p would send now differs from what was sent last.
func changed(ctx context.Context, p any, last *atomic.Uint64) bool {
	known, ok := p.(prober)
	if !ok || last.Load() == 0 {
		return false
	}
	now, err := known.probe(ctx)
	return err == nil && now != last.Load()
}
