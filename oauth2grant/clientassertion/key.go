package clientassertion

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws"
)

// Key is a private key for signatures: EC on P-256, P-384 or P-521, Ed25519, or
// RSA of at least 2,048 bits. It is a value, safe for concurrent use as far as
// its signer is, and shows no secret when it is given to fmt or slog.
type Key struct{ key *jws.Key }

// ParseKey reads a private key: PEM (PKCS #8, PKCS #1 or SEC 1, not encrypted),
// a JWK, or a JWK Set (RFC 7517), of which the first private key for signatures
// is taken. A JWK brings its kid and, if it names one, its algorithm. The error
// says what is wrong and never quotes the document.
func ParseKey(document []byte) (Key, error) {
	k, err := jws.Parse(document)
	if err != nil {
		return Key{}, fmt.Errorf("clientassertion: %w", err)
	}
	return Key{k}, nil
}

// NewKey returns a Key for a signer, which may be that of a hardware module or
// of a key service. Each request then waits for it to sign; the signer must
// bound that by itself. The id is the kid by which the server finds the public
// key; empty sends none.
func NewKey(signer crypto.Signer, id string) (Key, error) {
	k, err := jws.New(signer, "")
	if err == nil {
		k, err = k.With("", id)
	}
	if err != nil {
		return Key{}, fmt.Errorf("clientassertion: %w", err)
	}
	return Key{k}, nil
}

// WithID returns k with another kid. PEM has none.
func (k Key) WithID(id string) Key {
	if k.key == nil {
		return k
	}
	other, err := k.key.With("", id)
	if err != nil {
		return k // it has no such error
	}
	return Key{other}
}

// KeyFile returns a func for [PrivateKeyJWTFunc] that reads the key from a file
// before every request, so that it can be rotated. What is read is what
// [ParseKey] takes. Replace the file by renaming another one to its name.
func KeyFile(path string) func(context.Context) (Key, error) {
	return func(context.Context) (Key, error) {
		f, err := os.Open(path) //nolint:gosec // the path is the user's own
		if err != nil {
			return Key{}, fmt.Errorf("clientassertion: read the key: %w", err)
		}
		defer func() { _ = f.Close() }()
		document, err := io.ReadAll(io.LimitReader(f, jws.MaxKey+1))
		if err != nil {
			return Key{}, fmt.Errorf("clientassertion: read the key: %w", err)
		}
		k, err := jws.Parse(document)
		if err != nil {
			return Key{}, fmt.Errorf("clientassertion: %s: %w", path, err)
		}
		return Key{k}, nil
	}
}

// String names the algorithm and the kid.
func (k Key) String() string {
	if k.key == nil {
		return "Key{none}"
	}
	return fmt.Sprintf("Key{%s, kid %q}", k.key.Algorithm(), k.key.ID)
}

// Format implements fmt.Formatter: no verb shows the key.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
