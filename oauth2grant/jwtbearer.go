package oauth2grant

import (
	"context"
	"errors"
	"fmt"
)

const grantJWTBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer" //nolint:gosec // a name, no credential

// JWTBearer is the JWT bearer grant (RFC 7523 §2.1): a token for an assertion
// that somebody else has signed, such as the platform that the program runs on.
// It needs no person, and no secret of the client: [Config.Auth] may be
// [Public].
type JWTBearer struct {
	// Assertion returns the assertion. It is called for every token request,
	// and must return when its context ends. Package identity has such funcs
	// for files, environment variables, commands and cloud platforms.
	Assertion func(context.Context) (string, error)
}

// Run makes one token request.
func (f JWTBearer) Run(ctx context.Context, c *Client) (Token, error) {
	assertion, err := ask(ctx, "assertion", f.Assertion)
	if err != nil {
		return Token{}, err
	}
	return c.RequestToken(ctx, form("grant_type", grantJWTBearer, "assertion", assertion))
}

// Interactive returns false.
func (JWTBearer) Interactive() bool { return false }

func (f JWTBearer) validate(*Config) []error {
	if f.Assertion == nil {
		return []error{errors.New("JWTBearer: Assertion is nil: package identity has funcs for it")}
	}
	return nil
}

// ask returns what a user's func has for a parameter, if it is something.
func ask(ctx context.Context, what string, source func(context.Context) (string, error)) (string, error) {
	if source == nil {
		return "", fmt.Errorf("oauth2grant: there is no func that returns the %s", what)
	}
	value, err := source(ctx)
	if err != nil {
		return "", fmt.Errorf("oauth2grant: the %s: %w", what, err)
	}
	if value == "" {
		return "", fmt.Errorf("oauth2grant: the %s is empty", what)
	}
	return value, nil
}
