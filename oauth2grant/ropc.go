package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
)

// Password is the resource owner password credentials grant (RFC 6749 §4.3). It
// is for legacy systems: RFC 9700 §2.4 forbids it to new ones. The credentials
// are sent when there is no refresh token, or it is refused, and otherwise not.
//
// A Password shows no secret when it is given to fmt or slog.
type Password struct {
	// Username and Password are the credentials, unless Credentials is set.
	Username, Password string

	// Credentials, if not nil, is asked instead of the two fields, each time
	// that they are needed; nothing is kept of what it returns. It sees the
	// values of the context of the call that leads to it. After the server has
	// refused the credentials, the next call asks again at once if it then
	// returns others.
	Credentials func(ctx context.Context) (username, password string, err error)
}

// Run makes one token request. The error is an [*Error], or that of
// Credentials.
func (p Password) Run(ctx context.Context, c *Client) (Token, error) {
	username, password, err := p.credentials(ctx)
	if err != nil {
		return Token{}, err
	}
	witnessOf(ctx).user.Store(fingerprint(username, password))
	return c.RequestToken(ctx, form("grant_type", OpPassword, "username", username, "password", password))
}

// Interactive returns false.
func (Password) Interactive() bool { return false }

func (Password) op() string { return OpPassword }

func (p Password) credentials(ctx context.Context) (username, password string, err error) {
	if p.Credentials != nil {
		return p.Credentials(ctx)
	}
	return p.Username, p.Password, nil
}

func (p Password) probe(ctx context.Context) (uint64, error) {
	username, password, err := p.credentials(ctx)
	return fingerprint(username, password), err
}

func (p Password) validate(*Config) []error {
	switch {
	case p.Credentials != nil && (p.Username != "" || p.Password != ""):
		return []error{errors.New("Password: give either Credentials or Username and Password")}
	case p.Credentials == nil && p.Username == "":
		return []error{errors.New("Password: Username is empty")}
	}
	return nil
}

// String names the user, not the password.
func (p Password) String() string {
	if p.Credentials != nil {
		return "Password{from Credentials}"
	}
	return fmt.Sprintf("Password{user %q, password [redacted]}", p.Username)
}

// Format implements [fmt.Formatter]: no verb shows the password.
func (p Password) Format(f fmt.State, _ rune) { formatRedacted(f, p.String()) }

// LogValue implements [slog.LogValuer].
func (p Password) LogValue() slog.Value { return slog.StringValue(p.String()) }
