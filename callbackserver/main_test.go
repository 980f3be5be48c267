package callbackserver

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// guard bounds what must happen, and is never waited out by a passing test.
const guard = time.Minute

func listen(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Listen(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		forgetPages(s)
		s.Close()
	})
	return s
}

// forgetPages keeps Close from waiting for pages that no browser will fetch.
func forgetPages(s *Server) {
	s.answers.mu.Lock()
	defer s.answers.mu.Unlock()
	for _, p := range s.answers.pages {
		p.fetched()
	}
}

// newBrowser returns a client that leaves redirects to the test.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       guard,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type reply struct {
	status int
	header http.Header
	body   string
}

func do(t *testing.T, c *http.Client, req *http.Request) reply {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(body)}
}

func request(t *testing.T, method, target, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func get(t *testing.T, c *http.Client, target string) reply {
	t.Helper()
	return do(t, c, request(t, http.MethodGet, target, ""))
}

// follow fetches what r redirects to.
func follow(t *testing.T, c *http.Client, s *Server, r reply) reply {
	t.Helper()
	if r.status != http.StatusSeeOther {
		t.Fatalf("status %d, want a redirect with 303", r.status)
	}
	return get(t, c, at(t, s, r.header.Get("Location")))
}

// at returns the URL of ref, taken relative to the redirect URI.
func at(t *testing.T, s *Server, ref string) string {
	t.Helper()
	base, err := url.Parse(s.RedirectURI())
	if err != nil {
		t.Fatal(err)
	}
	u, err := base.Parse(ref)
	if err != nil {
		t.Fatal(err)
	}
	return u.String()
}

// waitFor returns the answer with state, which must come.
func waitFor(t *testing.T, s *Server, state string) url.Values {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), guard)
	defer cancel()
	values, err := s.Wait(ctx, state)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// mustStillExpect shows that nothing so far has decided about state.
func mustStillExpect(t *testing.T, c *http.Client, s *Server, state string) {
	t.Helper()
	follow(t, c, s, get(t, c, s.RedirectURI()+"?code=the-right-one&state="+url.QueryEscape(state)))
	if got := waitFor(t, s, state).Get("code"); got != "the-right-one" {
		t.Fatalf("code %q, want the one of the right answer", got)
	}
}

type result struct {
	values url.Values
	err    error
}

// waiting runs Wait, and returns once the server knows of it.
func waiting(ctx context.Context, s *Server, state string) <-chan result {
	out := make(chan result, 1)
	go func() {
		values, err := s.Wait(ctx, state)
		out <- result{values, err}
	}()
	for {
		s.answers.mu.Lock()
		e := s.answers.expected[state]
		claimed := e != nil && e.waiting
		s.answers.mu.Unlock()
		if claimed {
			return out
		}
		select {
		case r := <-out: // it has ended already
			out <- r
			return out
		default:
		}
	}
}

// within receives from c, which must not take long.
func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(guard):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}
