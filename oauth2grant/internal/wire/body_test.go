package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
)

// reading returns a server that reads the body of each request as many times
// as it says, each time from a body of its own, and then answers.
func reading(times int, answer func() (*http.Response, error)) roundTrip {
	return func(req *http.Request) (*http.Response, error) {
		for i := range times {
			b := req.Body
			if i > 0 {
				var err error
				if b, err = req.GetBody(); err != nil {
					return nil, err
				}
			}
			if _, err := io.ReadAll(b); err != nil {
				return nil, err
			}
		}
		return answer()
	}
}

func TestPost_LooksBeforeTheBodyIsHandedOver(t *testing.T) {
	stop := errors.New("the lock is lost")
	lost := func() (*http.Response, error) { return nil, io.ErrUnexpectedEOF }
	well := func() (*http.Response, error) { return response(200, `{}`), nil }
	for _, c := range []struct {
		name     string
		reads    int
		refuseAt int // which look refuses; zero: none
		answer   func() (*http.Response, error)
		looks    int
		cause    error
		notSent  bool
	}{
		{"once for one body", 1, 0, well, 1, nil, false},
		{"again for each new body", 3, 0, well, 3, nil, false},
		{"a refused look fails the request, unsent", 1, 1, well, 1, stop, true},
		{"a later refused look fails the request, which may have been sent", 2, 2, well, 2, stop, false},
		{"an answer that was lost", 1, 0, lost, 1, io.ErrUnexpectedEOF, false},
		{"a request that never left", 0, 0, lost, 0, io.ErrUnexpectedEOF, true},
		{
			"an answer to a body that nobody read", 0, 0, func() (*http.Response, error) {
				return response(503, ``), nil
			}, 0, nil, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			looks := 0
			form := func() (Form, error) {
				f, err := sent()
				f.BeforeSend = func() error {
					if looks++; looks == c.refuseAt {
						return stop
					}
					return nil
				}
				return f, err
			}
			_, failure := Post(t.Context(), Client(reading(c.reads, c.answer)), endpoint, form)
			if looks != c.looks {
				t.Errorf("%d looks, want %d", looks, c.looks)
			}
			if (c.cause != nil) != (failure != nil && failure.Cause != nil) {
				t.Fatalf("got %+v, want %v", failure, c.cause)
			}
			if failure != nil && (failure.NotSent != c.notSent || !errors.Is(failure.Cause, c.cause)) {
				t.Errorf("got %+v, want %v, not sent %v", failure, c.cause, c.notSent)
			}
		})
	}
}

// A transport that reads the body although it has returned gets nothing of one
// that was reported as not sent.
func TestPost_HandsNothingOverOnceItSaidNotSent(t *testing.T) {
	var late io.ReadCloser
	var again func() (io.ReadCloser, error)
	ctx, cancel := context.WithCancel(t.Context())
	_, failure := Post(ctx, Client(roundTrip(func(req *http.Request) (*http.Response, error) {
		late, again = req.Body, req.GetBody
		cancel()
		return nil, ctx.Err()
	})), endpoint, sent)
	if failure == nil || !failure.NotSent || !errors.Is(failure.Cause, context.Canceled) {
		t.Fatalf("got %+v", failure)
	}
	if b, err := io.ReadAll(late); err == nil || len(b) != 0 {
		t.Errorf("%d bytes were read afterwards, %v", len(b), err)
	}
	if b, err := again(); err == nil || b != nil {
		t.Errorf("another body was had afterwards, %v", err)
	}
}
