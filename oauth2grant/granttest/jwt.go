package granttest

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// asymmetric are the algorithms by which clients and platforms may sign.
var asymmetric = []jose.SignatureAlgorithm{
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA, jose.RS256, jose.RS384, jose.RS512, jose.PS256,
	jose.PS384, jose.PS512,
}

// signedJWT is a JWT whose signature is good.
type signedJWT struct {
	typ    string
	key    *jose.JSONWebKey // in its header; nil: none
	claims map[string]any
}

// verifyJWT verifies text with the key that pick returns for its header.
func verifyJWT(text string, algorithms []jose.SignatureAlgorithm, pick func(jose.Header) (any, error)) (signedJWT,
	error,
) {
	parsed, err := jose.ParseSignedCompact(text, algorithms)
	if err != nil {
		return signedJWT{}, errors.New("it is no JWT with an algorithm that is taken here")
	}
	h := parsed.Signatures[0].Header
	key, err := pick(h)
	if err != nil {
		return signedJWT{}, err
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return signedJWT{}, errors.New("its signature is wrong")
	}
	j := signedJWT{key: h.JSONWebKey}
	j.typ, _ = h.ExtraHeaders[jose.HeaderType].(string)
	if err := json.Unmarshal(payload, &j.claims); err != nil {
		return signedJWT{}, errors.New("its claims are no JSON object")
	}
	return j, nil
}

func (j signedJWT) text(name string) string {
	value, _ := j.claims[name].(string)
	return value
}

func (j signedJWT) time(name string) time.Time {
	seconds, ok := j.claims[name].(float64)
	if !ok {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// current checks exp, and iat and nbf where they are there, on the clock of
// the server.
func (j signedJWT) current() error {
	now := time.Now()
	switch {
	case !now.Before(j.time("exp")):
		return errors.New("it has expired, or has no exp")
	case j.time("iat").After(now.Add(skew)), j.time("nbf").After(now.Add(skew)):
		return errors.New("it is from the future")
	}
	return nil
}

// skew is how far the clocks of others may be ahead.
const skew = time.Minute

// pickFrom returns the key of a JWK Set that signed a JWT: the one of its kid,
// or the only one if it names none.
func pickFrom(set string) func(jose.Header) (any, error) {
	return func(h jose.Header) (any, error) {
		var keys jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(set), &keys); err != nil {
			return nil, fmt.Errorf("the JWK Set cannot be read: %w", err)
		}
		found := slices.DeleteFunc(keys.Keys, func(k jose.JSONWebKey) bool {
			return h.KeyID != "" &&
				k.KeyID != h.KeyID
		})
		if len(found) != 1 {
			return nil, fmt.Errorf("%d keys have the kid %q", len(found), h.KeyID)
		}
		return found[0].Public(), nil
	}
}

// thumbprint is that of RFC 7638.
func thumbprint(key *jose.JSONWebKey) string {
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}
