package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// MaxBody is how much of an answer is read, in bytes; more is an error.
const MaxBody = 1 << 20

// ErrTooLarge says that an answer exceeds [MaxBody].
var ErrTooLarge = errors.New("the answer is larger than 1 MiB")

// Answer is what came back, whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	sent Form
}

// Success reports whether the status is one of success.
func (a Answer) Success() bool { return a.Status >= 200 && a.Status <= 299 }

// Sent returns a with a note of the request that led to it, whose secrets the
// texts of a [Failure] must not repeat.
func (a Answer) Sent(h http.Header) Answer {
	a.sent = Form{Header: h}
	return a
}

// RedirectError says that an answer points elsewhere, and was not followed.
type RedirectError struct {
	// Target is the scheme, the host and the path of where it points; empty:
	// the answer does not say.
	Target string
}

// Error names the target.
func (e *RedirectError) Error() string {
	if e.Target == "" {
		return "the endpoint redirects without saying where to, and is not followed"
	}
	return "the endpoint redirects to " + e.Target + ", and is not followed: configure that URL if it is right"
}

// Redirect returns the error for a redirect to u, which may be nil.
func Redirect(u *url.URL) *RedirectError {
	if u == nil {
		return &RedirectError{}
	}
	target := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	text := target.String()
	if len(text) > longest {
		text = text[:longest] + "…"
	}
	return &RedirectError{Target: text}
}

// Do sends req once and reads the whole answer, whatever its status. An answer
// below 200 is closed unread, and any is closed when the request's context
// ends.
func Do(hc *http.Client, req *http.Request) (Answer, *Failure) {
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "go-oauth2grant")
	}
	res, err := hc.Do(req)
	if err != nil {
		return Answer{}, transportFailure(req, err)
	}
	ctx := req.Context()
	stop := context.AfterFunc(ctx, func() { _ = res.Body.Close() })
	defer stop()
	defer func() { _ = res.Body.Close() }()
	answer := Answer{Status: res.StatusCode, Header: res.Header}
	failure := &Failure{Status: res.StatusCode, RetryAfter: retryAfter(res.Header)}
	switch {
	case res.StatusCode < 200:
		failure.Cause = fmt.Errorf("the answer is no answer to a request: %s", http.StatusText(res.StatusCode))
		return answer, failure
	case res.StatusCode >= 300 && res.StatusCode <= 399:
		target, _ := res.Location() // none, or one that cannot be read
		failure.Cause = Redirect(target)
		return answer, failure
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxBody+1))
	switch {
	case len(body) > MaxBody:
		failure.Cause = ErrTooLarge
	case err != nil || ctx.Err() != nil:
		if err == nil {
			err = ctx.Err()
		}
		failure.Cause, failure.Cut = transportFailure(req, err).Cause, true
	default:
		answer.Body = body
		return answer, nil
	}
	return answer, failure
}
