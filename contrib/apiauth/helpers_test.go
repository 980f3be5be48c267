package apiauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const redirectURI = "http://127.0.0.1/callback"

// network leads each request to the server of its host, and counts.
type network struct {
	mu    sync.Mutex
	hosts map[string]http.RoundTripper
	log   []string // "host path" of each request
	leaks []string // requests with a token for another origin than the API's
	api   string   // the host of the API
}

func newNetwork(api string, servers map[string]http.RoundTripper) *network {
	return &network{hosts: servers, api: api}
}

func (n *network) RoundTrip(req *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.log = append(n.log, req.URL.Host+" "+req.URL.Path)
	to := n.hosts[req.URL.Host]
	scheme, _, _ := cutSpace(req.Header.Get("Authorization"))
	if scheme == "Bearer" && req.URL.Host != n.api && req.Method != http.MethodPut {
		n.leaks = append(n.leaks, req.URL.Host)
	}
	n.mu.Unlock()
	if to == nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, fmt.Errorf("no such host: %s", req.URL.Host)
	}
	return to.RoundTrip(req)
}

func cutSpace(s string) (before, after string, found bool) {
	for i := range len(s) {
		if s[i] == ' ' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

func (n *network) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	log := n.log
	n.log = nil
	return log
}

// respond answers each request by a func.
type respond func(req *http.Request) *http.Response

func (f respond) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	return f(req), nil
}

// person signs in at once, and counts how often that was asked of them.
type person struct {
	hc   *http.Client
	user string
	tabs *atomic.Int32
}

func (person) Interactive() bool { return true }

func (p person) Run(ctx context.Context, c *oauth2grant.Client) (oauth2grant.Token, error) {
	p.tabs.Add(1)
	a, err := c.BeginAuthorization(ctx, redirectURI, url.Values{"login_hint": {"auto:" + p.user}})
	if err != nil {
		return oauth2grant.Token{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL, nil)
	if err != nil {
		return oauth2grant.Token{}, err
	}
	hc := *p.hc
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := hc.Do(req)
	if err != nil {
		return oauth2grant.Token{}, err
	}
	defer res.Body.Close()
	to, err := res.Location()
	if err != nil {
		return oauth2grant.Token{}, errors.New("the server shows a page in place of a redirect")
	}
	return c.FinishAuthorization(ctx, a, to.Query())
}

// world is an API and a server that serve each other, in memory.
type world struct {
	srv  *granttest.Server
	net  *network
	hc   *http.Client
	api  string
	cfg  apiauth.Config
	tabs atomic.Int32
}

func newWorld(t testing.TB, cfg granttest.Config) *world {
	t.Helper()
	if cfg.ProtectedResource == nil {
		cfg.ProtectedResource = &granttest.ProtectedResource{Scopes: []string{"read"}}
	}
	w := &world{srv: granttest.New(cfg)}
	w.api = w.srv.URL(granttest.Resource)
	host := hostOf(t, w.api)
	w.net = newNetwork(host, map[string]http.RoundTripper{host: w.srv.Transport()})
	w.hc = &http.Client{Transport: w.net}
	store := apiauth.Memory()
	w.cfg = apiauth.Config{
		Name: "Test", Store: store, HTTPClient: w.hc, RedirectURIs: []string{redirectURI},
		Flow: person{w.hc, "alice", &w.tabs},
	}
	return w
}

func hostOf(t testing.TB, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// open makes one process's Auth. It lives as long as the test.
func (w *world) open(t testing.TB) *apiauth.Auth {
	t.Helper()
	a, err := apiauth.New(t.Context(), w.api, w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// get makes one request to the API, and returns the status.
func (w *world) get(t testing.TB, a *apiauth.Auth, edit ...func(*http.Request)) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range edit {
		f(req)
	}
	res, err := a.Transport(w.net).RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

func (w *world) want200(t testing.TB, a *apiauth.Auth, edit ...func(*http.Request)) {
	t.Helper()
	if status, err := w.get(t, a, edit...); err != nil || status != http.StatusOK {
		t.Fatalf("got %d, %v", status, err)
	}
}

// endpoints are those that were asked, in order, since the last time.
func (w *world) endpoints() []granttest.Endpoint {
	var all []granttest.Endpoint
	for _, r := range w.srv.Requests() {
		all = append(all, r.Endpoint)
	}
	w.srv.Reset()
	return all
}

func (w *world) wantEndpoints(t testing.TB, want ...granttest.Endpoint) {
	t.Helper()
	if got := w.endpoints(); !slices.Equal(got, want) {
		t.Fatalf("the requests are %q, not %q", got, want)
	}
}
