package oauth2grant

import (
	"context"
	"net/url"
	"time"
)

// Refuse makes an error that is our own word.
func Refuse(format string, args ...any) *Error { return refuse("test", format, args...) }

// Challenge is PKCEMethod.challenge.
func Challenge(m PKCEMethod, verifier string) string { return m.challenge(verifier) }

// MostPastes is how often a person is asked to paste.
const MostPastes = mostPastes

// CheckRedirectURI is checkRedirectURI.
func CheckRedirectURI(raw string, insecure bool) error { return checkRedirectURI(raw, insecure) }

// ReadPasted is readPasted with its result taken apart.
func ReadPasted(text string) (response url.Values, code string, err error) {
	a, err := readPasted(text)
	return a.response, a.code, err
}

// Failed makes an error of an answer that could not be used.
func Failed(status int, cause error) *Error {
	return &Error{Op: "test", StatusCode: status, cause: cause}
}

// Cut makes an error of an answer that did not come whole.
func Cut(status int, cause error) *Error {
	return &Error{Op: "test", StatusCode: status, cause: cause, cut: true}
}

// WithLastLook is withLastLook.
var WithLastLook = withLastLook

// NotSent is Error.notSent.
func NotSent(e *Error) bool { return e.notSent() }

// OneLine is oneLine.
type OneLine = oneLine

// Own makes the error of a request that could not be made.
func Own(cause error) *Error { return &Error{Op: "test", own: true, cause: cause} }

// AskingAnew is askingAnew.
var AskingAnew = askingAnew

// BoundTo is Token.boundTo.
func BoundTo(t Token, p Prover) Token { return t.boundTo(p) }

// ProverFor is Token.proverFor.
func ProverFor(t Token, p Prover) (Prover, error) { return t.proverFor(p) }

// WithProver is withProver.
func (c *Client) WithProver(ctx context.Context, p Prover) context.Context {
	return c.withProver(ctx, p)
}

// SetClock lets a test move the wall clock.
func SetClock(now func() time.Time) (restore func()) {
	old := wallClock
	wallClock = now
	return func() { wallClock = old }
}
