package apiauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestAuth_FollowsTheAPIToAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := granttest.New(granttest.Config{Issuer: "https://as1.example", Registration: &granttest.Registration{}})
		second := granttest.New(granttest.Config{
			Issuer: "https://as2.example", Registration: &granttest.Registration{},
		})
		now := atomic.Pointer[granttest.Server]{}
		now.Store(first)
		api := respond(func(req *http.Request) *http.Response {
			if strings.HasPrefix(req.URL.Path, "/.well-known/") {
				return reply(req, 200, nil, object(map[string]any{
					"resource": apiURL, "authorization_servers": []string{now.Load().Issuer()},
				}))
			}
			if req.Header.Get("Authorization") == "" {
				return reply(req, 401, nil, "")
			}
			to := req.Clone(req.Context())
			to.URL.Path = "/api"
			res, err := now.Load().Transport().RoundTrip(to)
			if err != nil {
				t.Error(err)
			}
			return res
		})
		w := &world{api: apiURL}
		w.net = newNetwork(apiHost, map[string]http.RoundTripper{
			apiHost: api, "as1.example": first.Transport(), "as2.example": second.Transport(),
		})
		w.hc = &http.Client{Transport: w.net}
		w.cfg = apiauth.Config{
			HTTPClient: w.hc, Store: apiauth.Memory(), RedirectURIs: []string{redirectURI},
			Flow: person{w.hc, "alice", &w.tabs},
		}
		a, other := w.open(t), w.open(t)
		w.want200(t, a)
		w.want200(t, other)
		now.Store(second)
		first.Reset()
		w.want200(t, a)
		w.want200(t, other)
		if n := len(first.Requests()); n != 0 {
			t.Errorf("the old server was asked %d times", n)
		}
		if n := second.Count(granttest.Register); n != 1 || w.tabs.Load() != 2 {
			t.Errorf("%d registrations, %d tabs", n, w.tabs.Load())
		}
		now.Store(first) // and back
		w.want200(t, a)
		if n, tabs := first.Count(granttest.Register), w.tabs.Load(); n != 1 || tabs != 3 {
			t.Errorf("%d registrations, %d tabs", n, tabs)
		}
	})
}

func TestAuth_LooksForTheMetadataWhereItBelongs(t *testing.T) {
	for name, place := range map[string]string{
		"with the path":    "/.well-known/oauth-protected-resource/v1/mcp",
		"without the path": "/.well-known/oauth-protected-resource",
	} {
		t.Run(name, func(t *testing.T) {
			h := &hostile{challenge: "Bearer"}
			h.raw = respond(func(req *http.Request) *http.Response {
				if req.URL.Path != place {
					return reply(req, 404, nil, "")
				}
				return reply(req, 200, nil, object(resourceOf("https://"+apiHost)(0)))
			})
			h.run(t, nil, true, 1)
		})
	}
}

func TestAuth_WithoutMetadata(t *testing.T) {
	for name, c := range map[string]struct {
		challenge string
		own       bool // the API's origin is a server, with metadata
		guess     bool
		status    int
	}{
		"the server is the API's own origin": {"Bearer", true, false, 200},
		"the endpoints are guessed":          {"Bearer", false, true, 200},
		"they are not, unless that is set":   {"Bearer", false, false, 401},
		"another scheme is not ours":         {`Basic realm="x"`, true, true, 401},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var server anyServer
				api := respond(func(req *http.Request) *http.Response {
					switch {
					case req.URL.Path == "/v1/mcp" && req.Header.Get("Authorization") == "":
						return reply(req, 401, http.Header{"Www-Authenticate": {c.challenge}}, "")
					case req.URL.Path == "/v1/mcp":
						return reply(req, 200, nil, "")
					case !c.own && strings.HasPrefix(req.URL.Path, "/.well-known/"):
						return reply(req, 404, nil, "")
					}
					return server.answer(req)
				})
				w := &world{api: apiURL}
				w.net = newNetwork(apiHost, map[string]http.RoundTripper{apiHost: api})
				w.hc = &http.Client{Transport: w.net}
				w.cfg = apiauth.Config{
					HTTPClient: w.hc, RedirectURIs: []string{redirectURI}, Flow: person{w.hc, "alice", &w.tabs},
					GuessEndpoints: c.guess,
				}
				if status, err := w.get(t, w.open(t)); err != nil || status != c.status {
					t.Errorf("got %d, %v", status, err)
				}
			})
		})
	}
}

func TestTransport_SendsABodyAgainWhereItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		hc := &http.Client{Transport: w.open(t).Transport(w.net)}
		post := func(body io.Reader) (int, error) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.api, body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := hc.Do(req)
			if err != nil {
				return 0, err
			}
			return res.StatusCode, res.Body.Close()
		}
		if status, err := post(io.NopCloser(strings.NewReader("once"))); err != nil || status != 401 {
			t.Errorf("a body that can't be read again: %d, %v", status, err)
		}
		if status, err := post(io.NopCloser(strings.NewReader("once"))); err != nil || status != 200 {
			t.Errorf("the next: %d, %v", status, err)
		}
		if status, err := post(strings.NewReader("twice")); err != nil || status != 200 {
			t.Errorf("got %d, %v", status, err)
		}
	})
}

func TestTransport_SendsNoTokenAlongARedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hostile{}
		away := respond(func(req *http.Request) *http.Response {
			if req.URL.Path == "/v1/mcp" && req.Header.Get("Authorization") != "" {
				return reply(req, 302, http.Header{"Location": {"https://" + evilHost + "/steal"}}, "")
			}
			return h.answer(req)
		})
		thief := respond(func(req *http.Request) *http.Response {
			if req.URL.Path == "/steal" {
				return reply(req, 401,
					http.Header{"Www-Authenticate": {`Bearer resource_metadata="https://evil.example/m"`}}, "")
			}
			return h.server.answer(req)
		})
		w := &world{api: apiURL}
		w.net = newNetwork(apiHost, map[string]http.RoundTripper{apiHost: away, evilHost: thief})
		w.hc = &http.Client{Transport: w.net}
		w.cfg = apiauth.Config{
			HTTPClient: w.hc, RedirectURIs: []string{redirectURI}, Flow: person{w.hc, "alice", &w.tabs},
		}
		a := w.open(t)
		hc := &http.Client{Transport: a.Transport(w.net)}
		res, err := hc.Get(apiURL)
		if err != nil || res.StatusCode != 401 || len(w.net.leaks) > 0 || w.tabs.Load() != 1 {
			t.Fatalf("got %v, %v; leaks %q", res, err, w.net.leaks)
		}
		_ = res.Body.Close()
		if res, err := hc.Get("https://" + evilHost + "/v1/mcp"); err == nil {
			_ = res.Body.Close()
			t.Error("a request elsewhere is sent")
		}
	})
}

func TestAuth_ContextEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registering())
		w.cfg.Flow = never{}
		a := w.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { synctest.Wait(); cancel() }()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.api, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Transport(w.net).RoundTrip(req); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// never signs nobody in.
type never struct{}

func (never) Interactive() bool { return true }

func (never) Run(ctx context.Context, _ *oauth2grant.Client) (oauth2grant.Token, error) {
	<-ctx.Done()
	return oauth2grant.Token{}, ctx.Err()
}
