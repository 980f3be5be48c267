package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// stuck is a body that yields nothing until it is closed.
type stuck struct{ closed chan struct{} }

func (s stuck) Read([]byte) (int, error) { <-s.closed; return 0, io.ErrClosedPipe }

func (s stuck) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func TestDo_ClosesAnAnswerBelow200Unread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []int{100, 101, 102, 103, 110, 150, 199, 1, 0, -1} {
			body := stuck{make(chan struct{})}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			start := time.Now()
			_, failure := Post(ctx, Client(roundTrip(func(*http.Request) (*http.Response, error) {
				res := response(status, "")
				res.Body = body
				return res, nil
			})), endpoint, plain)
			cancel()
			if failure == nil || failure.Status != status || failure.Cause == nil || time.Since(start) != 0 {
				t.Errorf("%d: got %+v after %v", status, failure, time.Since(start))
			}
			select {
			case <-body.closed:
			default:
				t.Errorf("%d: the body was not closed", status)
			}
		}
	})
}

func TestDo_ClosesTheBodyWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []int{200, 204, 206, 400, 401, 403, 404, 429, 500, 503} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			start := time.Now()
			_, failure := Post(ctx, Client(roundTrip(func(*http.Request) (*http.Response, error) {
				res := response(status, "")
				res.Body = stuck{make(chan struct{})}
				return res, nil
			})), endpoint, plain)
			cancel()
			if failure == nil || !errors.Is(failure.Cause, context.DeadlineExceeded) ||
				time.Since(start) != time.Second {
				t.Errorf("%d: got %+v after %v", status, failure, time.Since(start))
			}
		}
	})
}

func TestDo_NamesTheTargetOfARedirect(t *testing.T) {
	for _, c := range []struct{ name, location, want string }{
		{"a path with a slash more", "/token/", "https://as.test/token/"},
		{"another path", "/v2/token", "https://as.test/v2/token"},
		{"a relative one", "v2/token", "https://as.test/v2/token"},
		{"another host", "https://b.test/token", "https://b.test/token"},
		{"http", "http://as.test/token", "http://as.test/token"},
		{"another port", "https://as.test:8443/", "https://as.test:8443/"},
		{"a query, which may hold a secret", "/login?token=" + verifierSecret, "https://as.test/login"},
		{"a fragment", "/login#" + verifierSecret, "https://as.test/login"},
		{"a user", "https://me:" + verifierSecret + "@as.test/", "https://as.test/"},
		{"a line end", "/a%0d%0ab", "https://as.test/a%0D%0Ab"},
		{"none", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, failure := Post(t.Context(), Client(always(308, "", "Location", c.location)), endpoint, sent)
			if failure == nil {
				t.Fatal("no failure")
			}
			redirect, ok := errors.AsType[*RedirectError](failure.Cause)
			if !ok || !strings.EqualFold(redirect.Target, c.want) || !strings.Contains(redirect.Error(), "redirect") {
				t.Fatalf("got %v, want %q", failure.Cause, c.want)
			}
			unrevealing(t, failure)
		})
	}
}
