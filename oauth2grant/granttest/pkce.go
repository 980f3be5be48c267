package granttest

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
)

// pkce is the challenge of a request that a code answers (RFC 7636); the zero
// value: none was sent.
type pkce struct{ challenge, method string }

var pkceValue = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

func challengeOf(form url.Values) (pkce, error) {
	p := pkce{form.Get("code_challenge"), form.Get("code_challenge_method")}
	if p.challenge == "" {
		if p.method != "" {
			return pkce{}, refuse("invalid_request", "code_challenge_method without code_challenge")
		}
		return p, nil
	}
	if p.method == "" {
		p.method = "plain"
	}
	if p.method != "plain" && p.method != "S256" {
		return pkce{}, refuse("invalid_request", "code_challenge_method must be S256 or plain")
	}
	if !pkceValue.MatchString(p.challenge) {
		return pkce{}, refuse("invalid_request", "code_challenge must be 43 to 128 unreserved characters")
	}
	return p, nil
}

// check is RFC 7636 §4.6. A verifier for a request without a challenge is
// refused too: somebody took the challenge away (RFC 9700 §4.8.2).
func (p pkce) check(verifier string) error {
	switch {
	case p.challenge == "" && verifier == "":
		return nil
	case p.challenge == "":
		return refuse("invalid_grant", "code_verifier for a request without code_challenge")
	case !pkceValue.MatchString(verifier):
		return refuse("invalid_grant", "code_verifier is missing, or not 43 to 128 unreserved characters")
	case p.method == "S256":
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	if verifier != p.challenge {
		return refuse("invalid_grant", "code_verifier does not match code_challenge")
	}
	return nil
}
