package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// Key signs with one private key and one algorithm. It is immutable and safe
// for concurrent use as far as its signer is.
type Key struct {
	// ID is the kid, empty if there is none.
	ID string

	signer    func() crypto.Signer // a func, which no verb of fmt looks into
	algorithm algorithm
}

// New returns a Key for signer, which may be that of a hardware module or of a
// key service. An empty algorithm is the usual one of the key's type.
func New(signer crypto.Signer, algorithm string) (*Key, error) {
	if signer == nil {
		return nil, errors.New("there is no key")
	}
	a, err := algorithmFor(signer.Public(), algorithm)
	if err != nil {
		return nil, err
	}
	return &Key{signer: func() crypto.Signer { return signer }, algorithm: a}, nil
}

// With returns k with another algorithm and kid; what is empty stays.
func (k *Key) With(algorithm, id string) (*Key, error) {
	other := *k
	if algorithm != "" {
		a, err := algorithmFor(k.signer().Public(), algorithm)
		if err != nil {
			return nil, err
		}
		other.algorithm = a
	}
	if id != "" {
		other.ID = id
	}
	return &other, nil
}

// Algorithm returns the name of the algorithm (RFC 7518 §3.1).
func (k *Key) Algorithm() string { return k.algorithm.name }

// Public returns the public key as a JWK without any other member than those
// of the key itself.
func (k *Key) Public() (json.RawMessage, error) {
	return (jose.JSONWebKey{Key: k.signer().Public()}).MarshalJSON()
}

// Private returns the private key as a JWK; it fails if the key cannot leave
// its signer.
func (k *Key) Private() (json.RawMessage, error) {
	return (jose.JSONWebKey{Key: k.signer()}).MarshalJSON()
}

// Thumbprint returns the SHA-256 thumbprint of the public key (RFC 7638).
func (k *Key) Thumbprint() (string, error) {
	sum, err := (&jose.JSONWebKey{Key: k.signer().Public()}).Thumbprint(crypto.SHA256)
	return base64.RawURLEncoding.EncodeToString(sum), err
}

// Encode returns a JSON value in the form that a JWS is made of.
func Encode(value any) (string, error) {
	text, err := json.Marshal(value)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// Sign returns the compact serialization of a payload under a header, both of
// them encoded. The header must name k's algorithm.
func (k *Key) Sign(header, payload string) (string, error) {
	input := header + "." + payload
	signature, err := k.sign([]byte(input))
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (k *Key) sign(message []byte) ([]byte, error) {
	a := k.algorithm
	if a.hash == 0 {
		return k.signer().Sign(rand.Reader, message, crypto.Hash(0))
	}
	h := a.hash.New()
	h.Write(message)
	var opts crypto.SignerOpts = a.hash
	if a.pss {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: a.hash}
	}
	signature, err := k.signer().Sign(rand.Reader, h.Sum(nil), opts)
	if err != nil || a.curve == nil {
		return signature, err
	}
	return fixed(signature, k.signer().Public())
}

// fixed turns an ECDSA signature from ASN.1 into the two numbers of fixed
// length that JOSE wants (RFC 7518 §3.4).
func fixed(signature []byte, public crypto.PublicKey) ([]byte, error) {
	var pair struct{ R, S *big.Int }
	key, ok := public.(*ecdsa.PublicKey)
	if rest, err := asn1.Unmarshal(signature, &pair); err != nil || len(rest) > 0 || !ok {
		return nil, errors.New("the signer's answer is no ECDSA signature")
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	if pair.R.Sign() <= 0 || pair.S.Sign() <= 0 || pair.R.BitLen() > 8*size || pair.S.BitLen() > 8*size {
		return nil, errors.New("the signer's answer is no signature on the curve of the key")
	}
	out := make([]byte, 2*size)
	pair.R.FillBytes(out[:size])
	pair.S.FillBytes(out[size:])
	return out, nil
}
