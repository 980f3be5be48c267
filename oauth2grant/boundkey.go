package oauth2grant

import (
	"context"
	"encoding/json"
	"fmt"
)

// KeyProver is a [Prover] whose private key can travel with the tokens that are
// bound to it, in their stored record, so that every process of a [Store] can
// use them. The Prover of package dpop is one.
type KeyProver interface {
	Prover
	// PrivateKey returns the private key as a JWK (RFC 7517), or an empty
	// string if it stays where it is.
	PrivateKey() string
	// WithKey returns a Prover with another private key, as
	// [KeyProver.PrivateKey] has returned it. It shares the nonces with the
	// receiver.
	WithKey(jwk string) (Prover, error)
}

// boundKey is the key that a token is bound to, in its stored record.
type boundKey struct {
	Thumbprint string `json:"jkt"`           // RFC 7638
	Private    rawKey `json:"jwk,omitempty"` // absent: it is elsewhere
}

// rawKey is a JWK as it came.
type rawKey string

// MarshalJSON implements [json.Marshaler].
func (k rawKey) MarshalJSON() ([]byte, error) { return []byte(k), nil }

// UnmarshalJSON implements [json.Unmarshaler].
func (k *rawKey) UnmarshalJSON(text []byte) error {
	*k = rawKey(text)
	return nil
}

// boundTo returns t with a note of the key that it was obtained with.
func (t Token) boundTo(p Prover) Token {
	m := t.readMeta()
	if m.Key = (boundKey{}); p != nil {
		m.Key.Thumbprint = p.Thumbprint()
		if k, ok := p.(KeyProver); ok && json.Valid([]byte(k.PrivateKey())) {
			m.Key.Private = rawKey(k.PrivateKey())
		}
	}
	return t.withMeta(m)
}

// proverFor returns the Prover to use with t: p itself, or one with the key of
// the stored record. If the key that t is bound to is not at hand, neither the
// access token nor the refresh token can be used, and the error wraps
// [ErrLoginRequired].
func (t Token) proverFor(p Prover) (Prover, error) {
	key := t.readMeta().Key
	if p == nil || key == (boundKey{}) || key.Thumbprint == p.Thumbprint() {
		return p, nil
	}
	k, ok := p.(KeyProver)
	if !ok || key.Private == "" {
		return nil, fmt.Errorf("%w: the stored token is bound to the key %q, "+
			"which is neither that of Config.Proof nor in the record",
			ErrLoginRequired, printable(key.Thumbprint))
	}
	with, err := k.WithKey(string(key.Private))
	if err != nil {
		return nil, fmt.Errorf("%w: the key in the stored record: %w", ErrLoginRequired, err)
	}
	if with.Thumbprint() != key.Thumbprint {
		return nil, fmt.Errorf("%w: the key in the stored record is not the one that the token is bound to",
			ErrLoginRequired)
	}
	return with, nil
}

// proverKey finds the Prover for the requests of one Client in a context that
// others may get, too: those whose token authenticates it.
type proverKey struct{ of *outlook }

// withProver makes the requests of c on that context prove with p, which is
// that of the token at hand, and not with Config.Proof.
func (c *Client) withProver(ctx context.Context, p Prover) context.Context {
	return context.WithValue(ctx, proverKey{c.outlook}, p)
}

// prover returns the Prover for the requests of c on a context, nil if there is
// none.
func (c *Client) prover(ctx context.Context) Prover {
	if p, ok := ctx.Value(proverKey{c.outlook}).(Prover); ok {
		return p
	}
	return c.proof
}
