package oauth2source

import (
	"context"
	"errors"

	"golang.org/x/oauth2"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Flow is an [oauth2grant.Flow] that takes its tokens from an
// [oauth2.TokenSource], for what only a library on golang.org/x/oauth2 can
// obtain: a workload's identity at a cloud, an exchange of tokens. The grant
// adds what such a source lacks: renewal ahead of time, one flight for all
// callers, a context for each, a [oauth2grant.Store].
//
// Refreshing stays with the source: the token's refresh token is left out.
type Flow struct {
	// Source returns the source of one run; it must not be nil. The run, and so
	// the ctx, ends with the grant and after Refresh.Timeout. A source that is
	// made with ctx, as most are, then ends too; another one should have a
	// timeout of its own, since [oauth2grant.Grant.Close] waits for it.
	//
	// A source that keeps its token, as [oauth2.ReuseTokenSource] does, must be
	// made anew for each run: it would return again what an API has refused.
	Source func(ctx context.Context) (oauth2.TokenSource, error)
}

var (
	errNoSource = errors.New("oauth2source: Flow.Source is nil, or returned nil")
	errNoToken  = errors.New("oauth2source: the source returned neither a token nor an error")
)

// Run implements [oauth2grant.Flow]. An [oauth2.RetrieveError] comes out as an
// [*oauth2grant.Error], which it wraps beside; its own text is not repeated,
// since that may be the whole answer of the server.
func (f Flow) Run(ctx context.Context, _ *oauth2grant.Client) (oauth2grant.Token, error) {
	if f.Source == nil {
		return oauth2grant.Token{}, errNoSource
	}
	src, err := f.Source(ctx)
	switch {
	case err != nil:
		return oauth2grant.Token{}, readError(err)
	case src == nil:
		return oauth2grant.Token{}, errNoSource
	}
	t, err := src.Token()
	switch {
	case err != nil:
		return oauth2grant.Token{}, readError(err)
	case t == nil || t.AccessToken == "":
		return oauth2grant.Token{}, errNoToken
	}
	token := FromToken(t)
	token.RefreshToken = ""
	return token, nil
}

// Interactive returns false.
func (Flow) Interactive() bool { return false }

// readError says in the words of oauth2grant what a server refused.
func readError(err error) error {
	answer, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return err
	}
	e := &oauth2grant.Error{
		Op:          "token source",
		Code:        oauth2grant.Code(answer.ErrorCode),
		Description: answer.ErrorDescription,
		URI:         answer.ErrorURI,
	}
	if answer.Response != nil {
		e.StatusCode = answer.Response.StatusCode
	}
	return &refused{says: e, cause: answer}
}

// refused is an error with two faces and the text of the first.
type refused struct {
	says  *oauth2grant.Error
	cause *oauth2.RetrieveError
}

func (r *refused) Error() string   { return r.says.Error() }
func (r *refused) Unwrap() []error { return []error{r.says, r.cause} }
