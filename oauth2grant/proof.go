package oauth2grant

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
)

// Prover proves possession of the key that tokens are bound to (RFC 9449);
// package dpop has one. Implementations are safe for concurrent use.
type Prover interface {
	// Proof returns the value of the DPoP header for one request.
	Proof(ctx context.Context, r ProofRequest) (string, error)
	// Learn takes the nonce that a server, named by its origin, wants in the
	// next proofs (RFC 9449 §8, §9).
	Learn(origin, nonce string)
	// Thumbprint returns the SHA-256 thumbprint of the public key (RFC 7638),
	// for dpop_jkt.
	Thumbprint() string
}

// ProofRequest is what a proof covers. It shows no secret when it is given to
// fmt or slog.
type ProofRequest struct {
	Method, URL string

	// AccessToken is the token that the request carries; empty at the token
	// endpoint.
	AccessToken string

	// Nonce is the one that the server has just asked for. If empty, it is the
	// last one learnt from its origin, if any.
	Nonce string
}

// String names the request, without its query.
func (r ProofRequest) String() string {
	target := "unreadable URL"
	if u, err := url.Parse(r.URL); err == nil {
		target = origin(u) + u.EscapedPath()
	}
	return fmt.Sprintf("ProofRequest{%s %s}", r.Method, target)
}

// Format implements fmt.Formatter: no verb shows a secret.
func (r ProofRequest) Format(f fmt.State, _ rune) { formatRedacted(f, r.String()) }

// LogValue implements slog.LogValuer.
func (r ProofRequest) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText implements [encoding.TextMarshaler]: JSON that contains a
// ProofRequest, such as slog's, shows no secret.
func (r ProofRequest) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

const (
	schemeBearer = "Bearer"
	schemeDPoP   = "DPoP"
	headerNonce  = "DPoP-Nonce"
)
