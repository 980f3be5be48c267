package wire

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// Form is one request, made anew for each send.
type Form struct {
	Header http.Header
	Values url.Values

	// BeforeSend, if not nil, is called as the last step before the body is
	// handed over to be sent: in the first Read of the request's body, and
	// again for every connection that the body is sent on anew. Its error
	// fails the request.
	BeforeSend func() error

	// Rewrite, if not nil, has the first look at the body of an answer, and
	// returns what is to be read instead.
	Rewrite func(status int, body []byte) []byte

	query url.Values // of the endpoint
}

// Client returns a client over rt that follows no redirect and keeps no cookie.
func Client(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// A request is sent again a few times after a failure that proves that it was
// not processed.
const (
	resends    = 2
	firstPause = 250 * time.Millisecond
	longPause  = 5 * time.Second
)

// PostPatiently is [Post] for what cannot be obtained again: it sends again, a
// few times, what provably was not processed.
func PostPatiently(
	ctx context.Context, hc *http.Client, endpoint string, form func() (Form, error),
) (Answer, *Failure) {
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

// Post sends a form once. The failure, if there is one, says whether the server
// may have processed it.
func Post(ctx context.Context, hc *http.Client, endpoint string, form func() (Form, error)) (Answer, *Failure) {
	f, err := form()
	if err != nil {
		return Answer{}, unmade(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, nil)
	if err != nil {
		return Answer{}, unmade(errors.New("the endpoint is not a usable URL"))
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
	if failure != nil {
		return answer, failure
	}
	if f.Rewrite != nil {
		answer.Body = f.Rewrite(answer.Status, answer.Body)
	}
	if !answer.Success() {
		return answer, ReadFailure(answer)
	}
	return answer, nil
}

// unmade is the failure of a request that could not even be made.
func unmade(cause error) *Failure {
	return &Failure{Cause: cause, Own: true, Unprocessed: true, NotSent: true}
}
