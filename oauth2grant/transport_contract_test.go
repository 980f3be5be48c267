package oauth2grant_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// script is an API that sends its answers in turn and notes which requests
// carried a token.
type script struct {
	answers []*http.Response
	carried []bool
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	closeRequest(r)
	s.carried = append(s.carried, r.Header.Get("Authorization") != "")
	res := s.answers[0]
	s.answers = s.answers[1:]
	return res, nil
}

func closeRequest(r *http.Request) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
}

func answered(status int, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: http.NoBody}
}

func TestTransport_FollowsTheChainOfRedirects(t *testing.T) {
	g := open(t, alice(), configFor(granttest.New(granttest.Config{})))
	ensure(t, g)
	t.Run("though the base does not name the request that it answers", func(t *testing.T) {
		s := &script{answers: []*http.Response{
			answered(302, "Location", api+"/2"), answered(302, "Location", other), answered(302, "Location", api+"/3"),
			answered(200),
		}}
		call(t, g.Transport(s), get(t, api))
		if want := []bool{true, true, false, false}; !slices.Equal(s.carried, want) {
			t.Errorf("the token was carried by %v, want %v", s.carried, want)
		}
	})
	for name, from := range map[string]func(r *http.Request) *http.Response{
		"but not where a link is missing": func(*http.Request) *http.Response { return &http.Response{} },
		"but not where a URL is missing": func(*http.Request) *http.Response {
			return &http.Response{Request: &http.Request{}}
		},
		"but not in a circle": func(r *http.Request) *http.Response { return &http.Response{Request: r} },
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: []*http.Response{answered(200)}}
			r := get(t, api)
			r.Response = from(r)
			if _, err := g.Transport(s).RoundTrip(r); err != nil || s.carried[0] {
				t.Errorf("got %v; with a token: %t", err, s.carried[0])
			}
		})
	}
}

func TestTransport_AnswersWithTheCallersRequest(t *testing.T) {
	g := open(t, alice(), configFor(granttest.New(granttest.Config{})))
	r := get(t, api)
	res, err := g.Transport(tripper(func(sent *http.Request) (*http.Response, error) {
		res := answered(200)
		res.Request = sent
		return res, nil
	})).RoundTrip(r)
	if err != nil || res.Request != r || r.Header.Get("Authorization") != "" {
		t.Errorf("got %v, %v", res, err)
	}
}

func TestTransport_SendsATrailerThatIsSetWhileTheBodyIsRead(t *testing.T) {
	g := open(t, alice(), configFor(granttest.New(granttest.Config{})))
	r := get(t, api)
	r.Trailer = http.Header{"Digest": nil}
	r.Body = &body{Reader: strings.NewReader("x"), closed: func() { r.Trailer.Set("Digest", "of x") }}
	if _, err := g.Transport(tripper(func(sent *http.Request) (*http.Response, error) {
		closeRequest(sent)
		if sent.Trailer.Get("Digest") == "" {
			t.Error("the trailer did not arrive")
		}
		return answered(200), nil
	})).RoundTrip(r); err != nil {
		t.Error(err)
	}
}

func TestTransport_ClosesTheBodyOfARequestThatIsNotSent(t *testing.T) {
	g := open(t, alice(), configFor(granttest.New(granttest.Config{})))
	closed := 0
	again := &body{Reader: strings.NewReader("x"), closed: func() { closed++ }}
	if _, err := g.Transport(nil).RoundTrip(&http.Request{Body: again}); err == nil || closed != 1 {
		t.Errorf("without a URL: %v, closed %d times", err, closed)
	}
	if _, err := g.Transport(nil).RoundTrip(nil); err == nil {
		t.Error("no request is as good as one")
	}
	_ = g.Close()
	r := get(t, api)
	r.Body = again
	_, err := g.Transport(nil).RoundTrip(r)
	if wantIs(t, err, oauth2grant.ErrClosed); closed != 2 {
		t.Errorf("after Close the body was closed %d times", closed-1)
	}
}

func TestTransport_SaysThatABaseAnsweredNothing(t *testing.T) {
	g := open(t, alice(), configFor(granttest.New(granttest.Config{})))
	_, err := g.Transport(tripper(func(*http.Request) (*http.Response, error) { return nil, nil })).
		RoundTrip(get(t, api))
	if err == nil {
		t.Error("neither a response nor an error")
	}
}

// stalled is a body that never comes.
type stalled struct{ closed chan struct{} }

func (b *stalled) Read([]byte) (int, error) { <-b.closed; return 0, io.ErrUnexpectedEOF }
func (b *stalled) Close() error             { close(b.closed); return nil }

func TestTransport_DoesNotWaitForABodyThatItDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, alice(), configFor(granttest.New(granttest.Config{})))
		ensure(t, g)
		pass(time.Minute)
		refusal := answered(401)
		refusal.Body, refusal.ContentLength = &stalled{make(chan struct{})}, 1
		began := time.Now()
		status := call(t, g.Transport(&script{answers: []*http.Response{refusal, answered(200)}}), get(t, api))
		if status != 200 || time.Since(began) != 0 {
			t.Errorf("got %d after %v", status, time.Since(began))
		}
	})
}

func TestTransport_ProvesAndRenewsOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), proving(srv, &prover{}))
		ensure(t, g)
		pass(time.Minute)
		refuses := answered(401, "WWW-Authenticate", `DPoP error="invalid_token"`)
		s := &script{answers: []*http.Response{wantsNonce("n1"), refuses, wantsNonce("n2")}}
		status := call(t, g.Transport(s), get(t, api))
		if status != 401 || len(s.carried) != 3 || srv.Count(granttest.Token) != 2 {
			t.Errorf("got %d after %d requests, %d token requests", status, len(s.carried), srv.Count(granttest.Token))
		}
	})
}

func TestTransport_Returns401AfterRevoke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		ensure(t, g)
		pass(time.Minute)
		underWay := tripper(func(*http.Request) (*http.Response, error) {
			if err := g.Revoke(t.Context()); err != nil {
				t.Error(err)
			}
			return answered(401, "WWW-Authenticate", unauthorized), nil
		})
		if status := call(t, g.Transport(underWay), get(t, api)); status != 401 || srv.Count(granttest.Token) != 1 {
			t.Errorf("got %d, %d token requests", status, srv.Count(granttest.Token))
		}
		ensure(t, g)
		if srv.Count(granttest.Token) != 2 {
			t.Error("the next call does not sign in again")
		}
	})
}

func TestTransport_ShowsNoSecret(t *testing.T) {
	cfg := configFor(granttest.New(granttest.Config{}))
	cfg.Name = "payments"
	g := open(t, alice(), cfg)
	ensure(t, g)
	rt := g.Transport(nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, rt); got != `Transport{Grant{"payments", fresh}}` {
			t.Errorf("%s shows %s", verb, got)
		}
		within := struct{ rt http.RoundTripper }{rt}
		got := fmt.Sprintf(verb, within)
		if strings.Contains(got, "wonderland") || strings.Contains(got, tokenOf(t, g).AccessToken) {
			t.Errorf("%s shows %s", verb, got)
		}
	}
}

func TestTransport_EndsWithItsContextBetweenA401AndTheNextToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		ensure(t, g)
		pass(time.Minute)
		srv.Script(granttest.Token, granttest.Fault{Delay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, api, strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		var opened, closed int
		r.GetBody = func() (io.ReadCloser, error) {
			opened++
			return &body{Reader: strings.NewReader("text"), closed: func() { closed++ }}, nil
		}
		_, err = g.Transport(&script{answers: []*http.Response{answered(401)}}).RoundTrip(r)
		if wantIs(t, err, context.DeadlineExceeded); opened != 1 || closed != 1 {
			t.Errorf("of %d bodies %d were closed", opened, closed)
		}
	})
}
