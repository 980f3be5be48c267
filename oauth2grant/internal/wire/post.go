package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// MaxBody is how much of an answer is read; more is an error.
const MaxBody = 1 << 20

// ErrTooLarge says that an answer exceeds MaxBody.
var ErrTooLarge = errors.New("the answer is larger than 1 MiB")

// Form is one request, made anew for each send.
type Form struct {
	Header http.Header
	Values url.Values

	// BeforeSend, if not nil, is called as the last step before the body is
	// handed over to be sent: in the first Read of the request's body, and
	// again for every connection that the body is sent on anew. Its error
	// fails the request.
	BeforeSend func() error

	query url.Values // of the endpoint
}

// Answer is what came back, whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte

	sent Form
}

// Client gives a client over rt that follows no redirect and keeps no cookie.
func Client(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// resends bounds how often a request is sent again after a failure that proves that it was not processed.
const (
	resends    = 2
	firstPause = 250 * time.Millisecond
	longPause  = 5 * time.Second
)

// PostPatiently is Post for what can't be obtained again: it sends again, a few times, what provably was not processed.
func PostPatiently(ctx context.Context, hc *http.Client, endpoint string, form func() (Form, error)) (Answer, *Failure) {
	for again := 0; ; again++ {
		answer, failure := Post(ctx, hc, endpoint, form)
		if failure == nil || !failure.Unprocessed || failure.Own || again == resends {
			return answer, failure
		}
		pause := max(firstPause<<again, failure.RetryAfter)
		if pause > longPause {
			return answer, failure
		}
		select {
		case <-ctx.Done():
			return answer, failure
		case <-time.After(pause):
		}
	}
}

// Post sends a form once. The failure, if there is one, says whether the server may have processed it.
func Post(ctx context.Context, hc *http.Client, endpoint string, form func() (Form, error)) (Answer, *Failure) {
	f, err := form()
	if err != nil {
		return Answer{}, &Failure{Cause: err, Own: true, Unprocessed: true, NotSent: true}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, nil)
	if err != nil {
		return Answer{}, &Failure{Cause: errors.New("the endpoint is not a usable URL"), Own: true, Unprocessed: true, NotSent: true}
	}
	for name, values := range f.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	f.query = req.URL.Query()
	s := &sending{content: f.Values.Encode(), look: f.BeforeSend}
	s.attach(req)
	answer, failure := Do(hc, req)
	answer.sent = f
	if notSent := s.finish(); failure != nil && failure.Status == 0 {
		failure.NotSent = notSent
		if err := s.refused(); err != nil {
			failure.Cause, failure.Own = err, true
		}
	}
	if failure == nil && (answer.Status < 200 || answer.Status > 299) {
		failure = readFailure(answer)
	}
	if failure != nil {
		failure.scrub(f)
	}
	return answer, failure
}

// Do sends req once and reads the whole answer, whatever its status.
func Do(hc *http.Client, req *http.Request) (Answer, *Failure) {
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "go-oauth2grant")
	}
	res, err := hc.Do(req)
	if err != nil {
		return Answer{}, transportFailure(req.Context(), err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxBody+1))
	answer := Answer{Status: res.StatusCode, Header: res.Header, Body: body}
	switch {
	case len(body) > MaxBody:
		answer.Body = nil
		return answer, &Failure{Status: res.StatusCode, RetryAfter: retryAfter(res.Header), Cause: ErrTooLarge}
	case err != nil:
		failure := transportFailure(req.Context(), err)
		failure.Status = res.StatusCode
		return answer, failure
	}
	return answer, nil
}

// transportFailure is the lack of an answer. Its text says no more than what kind of error it is: a URL, or what a server sent, may hold a secret.
func transportFailure(ctx context.Context, err error) *Failure {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	failure := &Failure{Cause: err}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		failure.Unprocessed = true
	}
	if ctx.Err() != nil {
		failure.Cause = ctx.Err()
		if why := context.Cause(ctx); why != nil && !errors.Is(why, ctx.Err()) {
			failure.Cause = fmt.Errorf("%w: %w", ctx.Err(), why)
		}
		return failure
	}
	failure.Cause = quiet{err}
	return failure
}

// quiet is an error whose text is reduced to what can't hold a secret.
type quiet struct{ error }

// Error names the kind of a failure of the network.
func (q quiet) Error() string {
	if op, ok := errors.AsType[*net.OpError](q.error); ok {
		if op.Op == "proxyconnect" { // it wraps what the proxy said
			return "proxyconnect: " + quiet{op.Err}.Error()
		}
		return op.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](q.error); ok {
		return dns.Error()
	}
	if errors.Is(q.error, io.EOF) || errors.Is(q.error, io.ErrUnexpectedEOF) {
		return "the connection was cut before the answer was complete"
	}
	return fmt.Sprintf("no usable HTTP answer (%T)", q.error)
}

// Unwrap gives the whole error.
func (q quiet) Unwrap() error { return q.error }
