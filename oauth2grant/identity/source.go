package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Source returns an assertion. It is safe for concurrent use, blocks until it
// has one or its context ends, and returns an error that shows no secret.
type Source = func(context.Context) (string, error)

const (
	// longest is how long an assertion may be, in bytes.
	longest = 64 << 10
	// future is how far ahead of this machine's clock an assertion may have
	// been issued.
	future = 5 * time.Minute
)

// accept returns the assertion in what a source has answered, or says what is
// wrong with it. The origin names the source.
func accept(origin string, content []byte, now time.Time) (string, error) {
	text := strings.TrimSpace(strings.TrimPrefix(string(content), "\ufeff"))
	switch {
	case text == "":
		return "", fmt.Errorf("identity: %s is empty", origin)
	case text[0] == '<', text[0] == '{', text[0] == '[':
		return "", fmt.Errorf("identity: %s is no assertion, but a document", origin)
	case len(content) > longest:
		return "", fmt.Errorf("identity: %s has more than %d KiB: that is no assertion", origin, longest>>10)
	}
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return "", fmt.Errorf("identity: %s is no assertion: it is not one word of ASCII", origin)
		}
	}
	if !strings.HasPrefix(text, "eyJ") { // the start of every JSON object in base64
		return text, nil // of a kind of its own
	}
	t, ok := parse(text)
	if whole, sure := t.whole(); !ok || sure && !whole {
		return "", fmt.Errorf("identity: %s starts like a JWT, but is not a whole one", origin)
	}
	if err := t.check(origin, now); err != nil {
		return "", err
	}
	return text, nil
}

// jwt is what of a JWT matters here. Its signature is not looked at.
type jwt struct {
	algorithm string
	signature int // length in characters

	expiry, issued, notBefore time.Time // zero: it does not say
}

func parse(text string) (jwt, bool) {
	parts := strings.Split(text, ".")
	var head struct {
		Algorithm string `json:"alg"`
	}
	if len(parts) == 5 && decode(parts[0], &head) { // encrypted: nothing else can be seen
		return jwt{}, true
	}
	if len(parts) != 3 {
		return jwt{}, false
	}
	var body struct {
		Expiry    float64 `json:"exp"`
		Issued    float64 `json:"iat"`
		NotBefore float64 `json:"nbf"`
	}
	if !decode(parts[0], &head) || !decode(parts[1], &body) {
		return jwt{}, false
	}
	if _, err := base64.RawURLEncoding.DecodeString(parts[2]); err != nil {
		return jwt{}, false
	}
	return jwt{
		algorithm: head.Algorithm, signature: len(parts[2]),
		expiry: at(body.Expiry), issued: at(body.Issued), notBefore: at(body.NotBefore),
	}, true
}

func decode(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// at returns the time of a NumericDate, zero if there is none that makes sense.
func at(seconds float64) time.Time {
	const year9999 = 253402300799
	if !(seconds > 0 && seconds <= year9999) {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// whole reports whether the signature has the length that its algorithm makes;
// sure is false where that cannot be known.
func (t jwt) whole() (whole, sure bool) {
	switch t.algorithm {
	case "ES256", "EdDSA", "Ed25519", "ES256K":
		return t.signature == 86, true
	case "ES384":
		return t.signature == 128, true
	case "ES512":
		return t.signature == 176, true
	case "RS256", "RS384", "RS512", "PS256", "PS384", "PS512": // of 2,048, 3,072 or 4,096 bits
		return true, t.signature == 342 || t.signature == 512 || t.signature == 683
	}
	return true, false
}

// check judges the times of t by this machine's clock.
func (t jwt) check(origin string, now time.Time) error {
	since := t.issued
	if t.notBefore.After(since) {
		since = t.notBefore
	}
	switch {
	case !t.expiry.IsZero() && !now.Before(t.expiry):
		return fmt.Errorf("identity: %s expired %s ago by this machine's clock: "+
			"see that it is renewed, and that the clock is right", origin,
			now.Sub(t.expiry).Round(time.Second))
	case since.Sub(now) > future:
		return fmt.Errorf("identity: %s is valid only in %s by this machine's clock: set the clock", origin,
			since.Sub(now).Round(time.Second))
	}
	return nil
}

// expiryOf returns when an assertion ends; zero if it does not say.
func expiryOf(text string) time.Time {
	t, _ := parse(text)
	return t.expiry
}
