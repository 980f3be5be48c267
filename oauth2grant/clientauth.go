package oauth2grant

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
)

// ClientAuth authenticates the client to the authorization server (RFC 6749
// §2.3). Implementations are safe for concurrent use.
//
// An implementation may also have a method AuthMethod() string, which returns
// the name of its method in metadata (RFC 8414 §2,
// token_endpoint_auth_methods_supported). Then no request goes to a server
// whose metadata lists other methods only.
type ClientAuth interface {
	// ClientID returns the client identifier.
	ClientID() string
	// Authenticate adds what proves the client's identity to the header or the
	// form of one request to endpoint. It is called anew for every send.
	Authenticate(ctx context.Context, endpoint string, h http.Header, form url.Values) error
}

// AuthMethod says where a client secret goes.
type AuthMethod string

// Methods of RFC 6749 §2.3.1. [MethodBasicRaw] is [MethodBasic] without the
// form-encoding of id and secret, for servers that do not decode it.
const (
	MethodBasic    AuthMethod = "client_secret_basic"
	MethodBasicRaw AuthMethod = "client_secret_basic_raw"
	MethodPost     AuthMethod = "client_secret_post"
)

// SecretBasic sends id and secret, form-encoded, by HTTP Basic (RFC 6749
// §2.3.1). [New] refuses an empty secret: a client without one is [Public].
func SecretBasic(id, secret string) ClientAuth { return constant(id, MethodBasic, secret) }

// SecretPost sends id and secret in the form (RFC 6749 §2.3.1). [New] refuses
// an empty secret: a client without one is [Public].
func SecretPost(id, secret string) ClientAuth { return constant(id, MethodPost, secret) }

// SecretFunc asks secret for the client secret before every send, so that it
// can be rotated. An empty one is an error. After the server has refused a
// secret, the next call asks again at once if secret then returns another one.
func SecretFunc(id string, method AuthMethod, secret func(context.Context) (string, error)) ClientAuth {
	return &secretAuth{id: id, kind: method, secret: secret}
}

// AuthorizationHeader sends value, made elsewhere, as the Authorization header,
// for a server that takes id and secret in none of the ways of the RFCs. id is
// the client identifier, which an authorization request names.
func AuthorizationHeader(id, value string) ClientAuth {
	return &headerAuth{id: id, value: func() string { return value }}
}

// Public is a client without a secret: it sends its id only (RFC 6749 §2.1). A
// client that authenticates by mutual TLS does that too (RFC 8705 §2): see
// [Server].MTLS.
func Public(id string) ClientAuth { return publicAuth(id) }

func constant(id string, method AuthMethod, secret string) ClientAuth {
	return &secretAuth{
		id: id, kind: method, blank: strings.TrimSpace(secret) == "",
		secret: func(context.Context) (string, error) { return secret, nil },
	}
}

type secretAuth struct {
	id     string
	kind   AuthMethod
	blank  bool // a constant that is none
	secret func(context.Context) (string, error)
}

var errNoSecret = errors.New("the client secret is empty: use Public for a client without one")

func (a *secretAuth) ClientID() string { return a.id }

func (a *secretAuth) Authenticate(ctx context.Context, _ string, h http.Header, form url.Values) error {
	secret, err := a.secret(ctx)
	if err != nil {
		return err
	}
	if secret == "" {
		return fmt.Errorf("oauth2grant: %w", errNoSecret)
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
	switch {
	case a.secret == nil:
		return errors.New("SecretFunc needs a func")
	case a.blank:
		return errNoSecret
	}
	return nil
}

func (a *secretAuth) probe(ctx context.Context) (uint64, error) {
	secret, err := a.secret(ctx)
	return fingerprint(secret), err
}

// String describes the authentication without the secret.
func (a *secretAuth) String() string { return fmt.Sprintf("ClientAuth{%s, id %q}", a.kind, a.id) }

// Format implements [fmt.Formatter]: no verb shows the secret.
func (a *secretAuth) Format(f fmt.State, _ rune) { formatRedacted(f, a.String()) }

// LogValue implements [slog.LogValuer].
func (a *secretAuth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// headerAuth sends a ready-made header. It is a func, since fmt calls no method
// on what stands in an unexported field, and reads a string there.
type headerAuth struct {
	id    string
	value func() string
}

func (a *headerAuth) ClientID() string { return a.id }

func (a *headerAuth) Authenticate(_ context.Context, _ string, h http.Header, _ url.Values) error {
	h.Set("Authorization", a.value())
	return nil
}

func (a *headerAuth) validate() error {
	value := a.value()
	if strings.TrimSpace(value) == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return errors.New("AuthorizationHeader is empty, or does not fit into a header")
	}
	return nil
}

// String describes the authentication without the header.
func (a *headerAuth) String() string {
	return fmt.Sprintf("ClientAuth{ready-made header, id %q}", a.id)
}

// Format implements [fmt.Formatter]: no verb shows the header.
func (a *headerAuth) Format(f fmt.State, _ rune) { formatRedacted(f, a.String()) }

// LogValue implements [slog.LogValuer].
func (a *headerAuth) LogValue() slog.Value { return slog.StringValue(a.String()) }

type publicAuth string

func (a publicAuth) ClientID() string { return string(a) }

func (a publicAuth) Authenticate(_ context.Context, _ string, _ http.Header, form url.Values) error {
	form.Set("client_id", string(a))
	return nil
}

// witness remembers, as fingerprints, the credentials that a grant sent last.
type witness struct {
	log          *slog.Logger // that of the grant; nil: none
	auth         ClientAuth   // whose secret it is; others may be asked within the same flow
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

// changed reports whether what p would send now differs from what was sent
// last.
func changed(ctx context.Context, p any, last *atomic.Uint64) bool {
	known, ok := p.(prober)
	if !ok || last.Load() == 0 {
		return false
	}
	now, err := known.probe(ctx)
	return err == nil && now != last.Load()
}
