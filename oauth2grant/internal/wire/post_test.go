package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestPost_SendsAForm(t *testing.T) {
	var got *http.Request
	var body string
	s := roundTrip(func(req *http.Request) (*http.Response, error) {
		got = req
		content, err := io.ReadAll(req.Body)
		body = string(content)
		return response(200, `{"access_token":"A"}`), err
	})
	if _, failure := Post(t.Context(), Client(s), endpoint, sent); failure != nil {
		t.Fatal(failure)
	}
	form, _ := sent()
	if got.Method != http.MethodPost || body != form.Values.Encode() || got.URL.String() != endpoint {
		t.Errorf("sent %s %s %q", got.Method, got.URL, body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json",
		"Authorization": form.Header.Get("Authorization"),
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q", name, got.Header.Get(name))
		}
	}
	if got.Header.Get("User-Agent") == "" {
		t.Error("no User-Agent")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestPost_FollowsNoRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := always(status, "", "Location", "https://elsewhere.test/")
		_, failure := Post(t.Context(), Client(s), endpoint, sent)
		if failure == nil || failure.Status != status || failure.Unprocessed {
			t.Errorf("%d: got %+v", status, failure)
		}
		s.got(t, 1)
	}
}

// endless returns bytes for ever, and counts them.
type endless struct {
	read   int64
	most   int64
	closed bool
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read >= e.most {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.most-e.read))
	for i := range n {
		p[i] = ' '
	}
	e.read += int64(n)
	return n, nil
}

func (e *endless) Close() error { e.closed = true; return nil }

func TestPost_ReadsAnAnswerUpToItsLimit(t *testing.T) {
	for _, c := range []struct {
		name     string
		size     int64
		tooLarge bool
	}{
		{"1 MiB is allowed", MaxBody, false},
		{"a byte more is not", MaxBody + 1, true},
		{"200 MB are not even read", 200 << 20, true},
	} {
		for _, status := range []int{200, 400, 503} {
			t.Run(fmt.Sprint(c.name, " with ", status), func(t *testing.T) {
				body := &endless{most: c.size}
				s := roundTrip(func(*http.Request) (*http.Response, error) {
					res := response(status, "", "Retry-After", "7")
					res.Body = body
					return res, nil
				})
				answer, failure := Post(t.Context(), Client(s), endpoint, plain)
				if c.tooLarge != (failure != nil && errors.Is(failure.Cause, ErrTooLarge)) {
					t.Fatalf("got %+v", failure)
				}
				if c.tooLarge && (failure.Unprocessed || failure.Status != status || answer.Body != nil) {
					t.Fatalf("got %+v and %d bytes", failure, len(answer.Body))
				}
				if body.read > MaxBody+1<<16 || !body.closed {
					t.Fatalf("%d bytes were read, closed %v", body.read, body.closed)
				}
			})
		}
	}
}

func TestPost_ReadsEveryContentType(t *testing.T) {
	for _, kind := range []string{
		"", "application/json", "text/html; charset=utf-8", "application/x-www-form-urlencoded", "///",
	} {
		answer, failure := Post(t.Context(), Client(always(200, `{"access_token":"A"}`, "Content-Type", kind)),
			endpoint, plain)
		if failure != nil {
			t.Fatalf("%q: %+v", kind, failure)
		}
		if token, failure := ReadToken(answer); failure != nil || token.AccessToken != "A" {
			t.Fatalf("%q: %+v", kind, failure)
		}
	}
}

// counted is a form that tells apart its sends.
func counted(n *int) func() (Form, error) {
	return func() (Form, error) {
		*n++
		return Form{Values: url.Values{"proof": {fmt.Sprint("proof ", *n)}}}, nil
	}
}

func TestPost_SendsOnce(t *testing.T) {
	for _, status := range []int{400, 408, 429, 500, 502, 503, 504} {
		s, n := always(status, ""), 0
		_, failure := Post(t.Context(), Client(s), endpoint, counted(&n))
		if failure == nil || failure.Status != status {
			t.Errorf("%d: got %+v", status, failure)
		}
		s.got(t, 1)
	}
}

func TestPostPatiently_SendsAgainOnlyWhatWasNotProcessed(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	read := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	status := func(status int, header ...string) func() (*http.Response, error) {
		return func() (*http.Response, error) { return response(status, "", header...), nil }
	}
	fails := func(err error) func() (*http.Response, error) {
		return func() (*http.Response, error) { return nil, err }
	}
	for _, c := range []struct {
		name  string
		first func() (*http.Response, error) // the answer to all requests but the last that is counted
		sends int64
		takes time.Duration
	}{
		{"no connection", fails(dial), 3, 750 * time.Millisecond},
		{"429", status(429), 3, 750 * time.Millisecond},
		{"503", status(503), 3, 750 * time.Millisecond},
		{"503 with a wish for a pause", status(503, "Retry-After", "2"), 3, 4 * time.Second},
		{"503 with a wish for a long pause", status(503, "Retry-After", "6"), 1, 0},
		{"a cut connection", fails(read), 1, 0},
		{"no answer at all", fails(io.ErrUnexpectedEOF), 1, 0},
		{"500", status(500), 1, 0},
		{"502", status(502), 1, 0},
		{"504", status(504), 1, 0},
		{"408", status(408), 1, 0},
		{"400", status(400), 1, 0},
		{"a redirect", status(307, "Location", "/"), 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				forms := 0
				s := &server{answer: func(n int64, _ *http.Request) (*http.Response, error) { return c.first() }}
				began := time.Now()
				if _, failure := PostPatiently(t.Context(), Client(s), endpoint, counted(&forms)); failure == nil {
					t.Fatal("no failure")
				}
				s.got(t, c.sends)
				if int64(forms) != c.sends || time.Since(began) != c.takes {
					t.Fatalf("%d forms in %v", forms, time.Since(began))
				}
			})
		})
	}
	t.Run("and is content with the first success", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			forms := 0
			s := &server{answer: func(n int64, _ *http.Request) (*http.Response, error) {
				if n == 1 {
					return nil, dial
				}
				return response(200, `{"access_token":"A"}`), nil
			}}
			if _, failure := PostPatiently(t.Context(), Client(s), endpoint, counted(&forms)); failure != nil {
				t.Fatalf("got %+v", failure)
			}
			s.got(t, 2)
		})
	})
	t.Run("and stops when its context ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			s, began := always(503, ""), time.Now()
			if _, failure := PostPatiently(ctx, Client(s), endpoint, plain); failure == nil || failure.Status != 503 {
				t.Fatalf("got %+v", failure)
			}
			s.got(t, 1)
			if took := time.Since(began); took != 100*time.Millisecond {
				t.Fatalf("it took %v", took)
			}
		})
	})
}

func TestPost_DoesNotSendWhatCannotBeMade(t *testing.T) {
	errVault := errors.New("the vault is sealed")
	broken := func() (Form, error) { return Form{}, errVault }
	for _, send := range []func(context.Context, *http.Client, string, func() (Form, error)) (Answer, *Failure){
		Post, PostPatiently,
	} {
		synctest.Test(t, func(t *testing.T) {
			s, began := always(200, ""), time.Now()
			_, failure := send(t.Context(), Client(s), endpoint, broken)
			if failure == nil || !failure.Own || !failure.Unprocessed || !errors.Is(failure.Cause, errVault) {
				t.Fatalf("got %+v", failure)
			}
			if _, failure := send(t.Context(), Client(s), "https://as.test/%zz?secret", plain); failure == nil ||
				!failure.Own || strings.Contains(failure.Cause.Error(), "secret") {
				t.Fatalf("got %+v", failure)
			}
			s.got(t, 0)
			if time.Since(began) != 0 {
				t.Fatal("it waited before it gave up")
			}
		})
	}
}

func TestPost_TheEndOfTheContextIsTheCauseAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		errShutdown := errors.New("shutdown")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errShutdown) })
		s := roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, errors.New("gave up on " + req.URL.String())
		})
		_, failure := Post(ctx, Client(s), endpoint, sent)
		if failure == nil || !errors.Is(failure.Cause, context.Canceled) || !errors.Is(failure.Cause, errShutdown) ||
			failure.Unprocessed {
			t.Fatalf("got %+v", failure)
		}
		unrevealing(t, failure)
	})
}

// speaks returns a transport whose connections lead to a server that says this,
// and then hangs up.
func speaks(t *testing.T, says string) *http.Transport {
	rt := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer func() { _ = theirs.Close() }()
			if req, err := http.ReadRequest(bufio.NewReader(theirs)); err == nil {
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(theirs, says)
			}
		}()
		return ours, nil
	}}
	t.Cleanup(rt.CloseIdleConnections)
	return rt
}

func TestFailure_TheTextSaysNothingOfWhatWasSentOrReceived(t *testing.T) {
	const echo = "code-of-the-person"
	proxied := func(err error) http.RoundTripper {
		return roundTrip(func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "proxyconnect", Net: "tcp", Err: err}
		})
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	for _, c := range []struct {
		name string
		rt   http.RoundTripper
		is   error // the cause is still there for errors.Is; nil: none to name
	}{
		{"no HTTP", speaks(t, echo+"\r\n\r\n"), nil},
		{"a broken header", speaks(t, "HTTP/1.1 200 OK\r\n"+echo+"\r\n\r\n"), nil},
		{"a broken length", speaks(t, "HTTP/1.1 200 OK\r\nContent-Length: "+echo+"\r\n\r\n"), nil},
		{"a broken chunk", speaks(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+echo+"\r\n"), nil},
		{"half a body", speaks(t, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"+echo), io.ErrUnexpectedEOF},
		{"nothing", speaks(t, ""), io.EOF},
		{"what a proxy says", proxied(errors.New(echo)), nil},
		{"a proxy out of reach", proxied(refused), syscall.ECONNREFUSED},
		{
			"a RoundTripper that tells all", roundTrip(func(req *http.Request) (*http.Response, error) {
				return nil, fmt.Errorf("%s: %s", req.URL, echo)
			}), nil,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, failure := Post(t.Context(), Client(c.rt), strings.Replace(endpoint, "https", "http", 1), sent)
			if failure == nil || failure.Cause == nil || failure.Unprocessed {
				t.Fatalf("got %+v", failure)
			}
			text := failure.Cause.Error()
			for _, never := range []string{echo, "tenant", "?", "as.test"} {
				if strings.Contains(text, never) {
					t.Errorf("%q is in %q", never, text)
				}
			}
			if c.is != nil && !errors.Is(failure.Cause, c.is) {
				t.Errorf("%v is not %v", failure.Cause, c.is)
			}
		})
	}
}
