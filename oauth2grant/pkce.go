package oauth2grant

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

// PKCEMethod is a code challenge method (RFC 7636 §4.2). The zero value is
// [PKCES256].
type PKCEMethod string

// Methods of RFC 7636 §4.2; [PKCENone] sends no challenge.
const (
	PKCES256  PKCEMethod = "S256"
	PKCEPlain PKCEMethod = "plain"
	PKCENone  PKCEMethod = "none"
)

// challenge returns what is sent ahead of a code verifier.
func (m PKCEMethod) challenge(verifier string) string {
	if m == PKCEPlain {
		return verifier
	}
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (m PKCEMethod) orDefault() PKCEMethod {
	if m == "" {
		return PKCES256
	}
	return m
}

// unguessable returns 256 random bits, as 43 characters that are safe in a URL.
func unguessable() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
