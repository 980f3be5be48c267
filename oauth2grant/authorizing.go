package oauth2grant

import (
	"errors"
	"fmt"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// authorizing says how a token is put into the Authorization header.
type authorizing struct {
	scheme  string // in place of what the token's type says; empty: that
	proving bool   // a proof of possession goes along
}

func (cfg *Config) authorizing() authorizing { return authorizing{cfg.Scheme, cfg.Proof != nil} }

// name returns the authentication scheme for tokens of a type, if the client
// can use them. No type counts as the usual one.
func (a authorizing) name(tokenType string) (string, error) {
	usual := schemeBearer
	if a.proving {
		usual = schemeDPoP
	}
	switch {
	case a.scheme != "":
		return a.scheme, nil
	case tokenType == "", equalFold(tokenType, usual):
		return usual, nil
	case equalFold(tokenType, schemeDPoP):
		return "", errors.New("the server issued a DPoP token, but Config.Proof is not set")
	case equalFold(tokenType, schemeBearer):
		return "", errors.New("the server issued a Bearer token although a proof of possession was sent")
	}
	if equalFold(tokenType, notAccessToken) {
		return "", errors.New("the server issued what is no access token (token_type N_A): " +
			"run the flow without a Grant, and pass it on")
	}
	return "", fmt.Errorf("the server issued a token of unknown type %q: set Config.Scheme to what its API expects",
		printable(tokenType))
}

func equalFold(a, b string) bool { return lowerASCII(a) == lowerASCII(b) }

// header returns the value of Authorization for a token, or why there is none:
// its type, or a token that does not fit into a header.
func (a authorizing) header(t Token) (string, error) {
	name, err := a.name(t.TokenType)
	if err != nil {
		return "", err
	}
	if !wire.HeaderSafe(t.AccessToken) {
		return "", errors.New("the access token does not fit into a header")
	}
	return name + " " + t.AccessToken, nil
}

// isToken reports whether s is a token of RFC 9110 §5.6.2, as schemes are.
func isToken(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r) {
			return false
		}
	}
	return s != ""
}
