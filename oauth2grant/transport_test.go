package oauth2grant_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const (
	api   = "https://api.example/api"
	other = "https://other.example/api"
)

func get(t testing.TB, target string) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
}

// call sends a request and returns the status of the answer.
func call(t testing.TB, rt http.RoundTripper, r *http.Request) int {
	t.Helper()
	r.RequestURI = ""
	res, err := (&http.Client{Transport: rt}).Do(r)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// carried tells for each request to the API, in their order, where it went and
// whether it carried a token.
func carried(srv *granttest.Server) []string {
	var all []string
	for _, r := range srv.Requests(granttest.Resource) {
		where := "without: "
		if r.Header.Get("Authorization") != "" {
			where = "with: "
		}
		all = append(all, where+r.URL)
	}
	return all
}

func TestTransport_SendsATokenOnlyWhereItMayGo(t *testing.T) {
	for name, c := range map[string]struct {
		origins  []string
		insecure bool
		target   string
		ok       bool
	}{
		"to any origin over https":                {nil, false, api, true},
		"not over http":                           {nil, false, "http://api.example/api", false},
		"over http to this machine":               {nil, false, "http://127.0.0.1:8080/api", true},
		"over http to localhost":                  {nil, false, "http://localhost/api", true},
		"over http, where that is wished for":     {nil, true, "http://api.example/api", true},
		"not to a host that looks like localhost": {nil, false, "http://localhost.example/api", false},
		"not over another scheme":                 {nil, false, "ws://api.example/api", false},
		"to an origin allowed": {
			[]string{"https://a.example", "https://api.example"}, false, api, true,
		},
		"to an origin allowed, in other words": {[]string{"https://API.example:443/"}, false, api, true},
		"not to another port": {
			[]string{"https://api.example"}, false, "https://api.example:8443/api", false,
		},
		"not to another host":   {[]string{"https://api.example"}, false, "https://evil.example/api", false},
		"not to a host below":   {[]string{"https://example"}, false, api, false},
		"not to another scheme": {[]string{"https://api.example"}, true, "http://api.example/api", false},
		"not by the name of a user": {
			[]string{"https://api.example"}, false, "https://api.example@evil.example/api", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			cfg := configFor(srv)
			cfg.Origins, cfg.InsecureAllowHTTP = c.origins, c.insecure
			g := open(t, alice(), cfg)
			closed := 0
			r := get(t, c.target)
			r.Body = &body{Reader: strings.NewReader("x"), closed: func() { closed++ }}
			res, err := g.Transport(srv.Transport()).RoundTrip(r)
			if (err == nil) != c.ok || closed != 1 {
				t.Errorf("got %v, the body was closed %d times", err, closed)
			}
			if err == nil {
				_ = res.Body.Close()
			}
			if got := srv.Count(granttest.Resource); (got == 1) != c.ok {
				t.Errorf("%d requests were sent", got)
			}
			r = get(t, c.target)
			if err := g.Authorize(r); (err == nil) != c.ok || (r.Header.Get("Authorization") != "") != c.ok {
				t.Errorf("Authorize gives %v", err)
			}
		})
	}
}

type body struct {
	io.Reader
	closed func()
}

func (b *body) Close() error { b.closed(); return nil }

func TestTransport_SendsNoTokenAlongARedirectToAnotherOrigin(t *testing.T) {
	for name, c := range map[string]struct {
		hops []string
		want []string
	}{
		"on the same origin it does": {[]string{api + "/2"}, []string{"with: " + api, "with: " + api + "/2"}},
		"to another":                 {[]string{other}, []string{"with: " + api, "without: " + other}},
		"and back to the first": {
			[]string{other, api + "/2"}, []string{"with: " + api, "without: " + other, "without: " + api + "/2"},
		},
		"and on there": {
			[]string{other, other + "/2"}, []string{"with: " + api, "without: " + other, "without: " + other + "/2"},
		},
		"to a host below": {
			[]string{"https://a.api.example/api"}, []string{"with: " + api, "without: https://a.api.example/api"},
		},
		"to another port": {
			[]string{"https://api.example:8443/api"}, []string{"with: " + api, "without: https://api.example:8443/api"},
		},
		"to http": {
			[]string{"http://api.example/api"}, []string{"with: " + api, "without: http://api.example/api"},
		},
		"to this machine over http": {
			[]string{"http://127.0.0.1/api"}, []string{"with: " + api, "without: http://127.0.0.1/api"},
		},
		"to the default port, which is ours": {
			[]string{"https://api.example:443/api"}, []string{"with: " + api, "with: https://api.example:443/api"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			for _, hop := range c.hops {
				srv.Script(granttest.Resource, granttest.Redirect(hop))
			}
			g := open(t, alice(), configFor(srv))
			call(t, g.Transport(srv.Transport()), get(t, api))
			if got := carried(srv); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestTransport_KeepsTheTokenAfterA401OfAnotherOrigin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		ensure(t, g)
		pass(time.Minute)
		srv.Script(granttest.Resource, granttest.Redirect(other))
		status := call(t, g.Transport(srv.Transport()), get(t, api))
		if status != 401 || srv.Count(granttest.Token) != 1 {
			t.Errorf("%d, %d token requests", status, srv.Count(granttest.Token))
		}
	})
}

func TestTransport_LeavesTheRequestAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		old := tokenOf(t, g)
		pass(time.Minute)
		srv.RevokeToken(old.AccessToken)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api+"?q=1", strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X", "1")
		before, same := r.Clone(t.Context()), *r
		res, err := g.Transport(srv.Transport()).RoundTrip(r)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("got %v, %v", res, err)
		}
		if !reflect.DeepEqual(r.Header, before.Header) || *r.URL != *before.URL || r.Body != same.Body ||
			r.Host != same.Host || r.ContentLength != 4 {
			t.Errorf("became %+v", r)
		}
	})
}

// counter counts the bodies of answers, those of which something was read, and
// those closed.
type counter struct{ given, read, closed atomic.Int64 }

func (c *counter) over(base http.RoundTripper) tripper {
	return func(r *http.Request) (*http.Response, error) {
		res, err := base.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		c.given.Add(1)
		res.Body = &counted{ReadCloser: res.Body, c: c}
		return res, nil
	}
}

type counted struct {
	io.ReadCloser
	c    *counter
	once sync.Once
}

func (b *counted) Read(p []byte) (int, error) {
	b.once.Do(func() { b.c.read.Add(1) })
	return b.ReadCloser.Read(p)
}

func (b *counted) Close() error { b.c.closed.Add(1); return b.ReadCloser.Close() }

func TestTransport_ClosesEveryBodyThatItDropsUnread(t *testing.T) {
	for name, c := range map[string]struct {
		renewal granttest.Fault
		given   int64 // to the caller
		bodies  int64
	}{
		"when the renewal succeeds": {granttest.Fault{}, 1, 2},
		"when the renewal fails":    {granttest.Fault{Status: 503}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				g := open(t, alice(), configFor(srv))
				ensure(t, g)
				pass(time.Minute)
				srv.Script(granttest.Token, c.renewal)
				srv.Script(granttest.Resource, granttest.Fault{Status: 401, Size: 100})
				var bodies counter
				res, err := g.Transport(bodies.over(srv.Transport())).RoundTrip(get(t, api))
				if (err == nil) != (c.given == 1) {
					t.Errorf("got %v", err)
				}
				given := bodies.given.Load()
				if given != c.bodies || bodies.closed.Load() != given-c.given || bodies.read.Load() != 0 {
					t.Errorf("%d bodies, %d closed, %d read", given, bodies.closed.Load(), bodies.read.Load())
				}
				if err == nil {
					_ = res.Body.Close()
				}
			})
		})
	}
}

func TestTransport_ClosesTheBodiesOfTheAuthorizationServer(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	var bodies counter
	cfg := configFor(srv)
	cfg.HTTPClient = &http.Client{Transport: bodies.over(srv.Transport())}
	srv.Script(granttest.Discovery, granttest.Fault{Size: 200 << 20})
	srv.Script(granttest.Token, granttest.HTML(500), granttest.Fault{Size: 200 << 20},
		granttest.Fault{Cut: granttest.CutWithin}, granttest.Redirect("https://a.example"))
	c := newClient(t, cfg)
	for range 5 {
		_, _ = c.RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
	}
	if bodies.given.Load() != 7 || bodies.closed.Load() != 7 {
		t.Errorf("%d bodies, %d closed", bodies.given.Load(), bodies.closed.Load())
	}
}

func TestTransport_WaitsOnTheContextOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Script(granttest.Token, granttest.Fault{Delay: 10 * time.Second})
		g := open(t, alice(), configFor(srv))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		closed := 0
		r := get(t, api).WithContext(ctx)
		r.Body = &body{Reader: strings.NewReader("x"), closed: func() { closed++ }}
		_, err := g.Transport(srv.Transport()).RoundTrip(r)
		wantIs(t, err, context.DeadlineExceeded)
		if closed != 1 || srv.Count(granttest.Resource) != 0 {
			t.Errorf("the body was closed %d times", closed)
		}
		pass(10 * time.Second)
		if n := srv.Count(granttest.Token); n != 1 || !g.Status().Usable {
			t.Errorf("%d token requests; the renewal is to go on without its caller", n)
		}
	})
}

func TestGrant_HTTPClientUsesTheDefaultTransport(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	apiServer := httptest.NewServer(srv)
	t.Cleanup(apiServer.Close)
	hc := open(t, alice(), configFor(srv)).HTTPClient()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, apiServer.URL+"/api", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := hc.Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("got %v, %v", res, err)
	}
	_ = res.Body.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
