package oauth2grant

import (
	"context"
	"net/url"
)

// Severity tells the tests how an error is classed.
func Severity(e *Error) string {
	return map[severity]string{transient: "transient", unclear: "unclear", refusal: "refusal"}[e.severity()]
}

// Refuse makes an error that is our own word.
func Refuse(format string, args ...any) *Error { return refuse("test", format, args...) }

// ReadPasted is readPasted with its result taken apart.
func ReadPasted(text string) (response url.Values, code string, err error) {
	a, err := readPasted(text)
	return a.response, a.code, err
}

// Failed makes an error of an answer that could not be used.
func Failed(status int, cause error) *Error {
	return &Error{Op: "test", StatusCode: status, cause: cause}
}

// BoundTo is Token.boundTo.
func BoundTo(t Token, p Prover) Token { return t.boundTo(p) }

// ProverFor is Token.proverFor.
func ProverFor(t Token, p Prover) (Prover, error) { return t.proverFor(p) }

// WithProver is withProver.
func WithProver(ctx context.Context, p Prover) context.Context { return withProver(ctx, p) }
