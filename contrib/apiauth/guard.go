package apiauth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/weburl"
)

const (
	maxIdle     = time.Second      // of a connection: requests are minutes apart
	maxDocument = 1 << 20          // bytes of an answer
	maxWait     = 30 * time.Second // for one
	documentFor = time.Minute      // metadata is not asked for again
)

// ErrInside says that the API, or its server, named an address inside this
// machine or its network; see [Config.AllowInside].
var ErrInside = errors.New("apiauth: the API leads to an address inside this machine or its network")

// guard is the RoundTripper of all requests to addresses that the API, or its
// server, named. It follows no redirect, and asks for each metadata document of
// a server once a minute at most.
type guard struct {
	base   http.RoundTripper
	inside bool            // what is inside is permitted
	own    map[string]bool // the host and port of what the user named

	mu    sync.Mutex
	known map[string]document // by URL; at most maxKnown
}

const maxKnown = 64

// document is a metadata document, or the lack of one.
type document struct {
	until  time.Time
	status int
	header http.Header
	body   []byte
}

func newGuard(api *url.URL, cfg Config) *guard {
	g := &guard{inside: cfg.AllowInside, own: map[string]bool{address(api): true}, known: map[string]document{}}
	for issuer := range cfg.Clients {
		if u, err := url.Parse(issuer); err == nil && issuer != "" {
			g.own[address(u)] = true
		}
	}
	if hc := cfg.HTTPClient; hc != nil {
		if g.base = hc.Transport; g.base == nil {
			g.base = http.DefaultTransport
		}
		return g
	}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
	}
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		t = standard.Clone()
	}
	t.IdleConnTimeout, t.MaxResponseHeaderBytes = maxIdle, maxDocument
	t.DialContext = g.dial
	g.base = t
	return g
}

// client returns an http.Client that goes through the guard.
func (g *guard) client() *http.Client {
	return &http.Client{
		Transport: g, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// CloseIdleConnections closes those of the base.
func (g *guard) CloseIdleConnections() { (&http.Client{Transport: g.base}).CloseIdleConnections() }

// check returns why a URL must not be asked, nil if it may.
func (g *guard) check(u *url.URL) error {
	if _, err := weburl.Check(u.String(), false); err != nil {
		return fmt.Errorf("apiauth: the address of %q %w", u.Hostname(), err)
	}
	if !g.trusts(address(u)) && weburl.IsInside(u.Hostname()) {
		return fmt.Errorf("%w: %s", ErrInside, u.Hostname())
	}
	return nil
}

func (g *guard) trusts(address string) bool { return g.inside || g.own[address] }

// RoundTrip implements [http.RoundTripper].
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := g.check(req.URL); err != nil {
		closeBody(req.Body)
		return nil, err
	}
	cacheable := req.Method == http.MethodGet && isMetadata(req.URL)
	if d, ok := g.recall(req.URL); cacheable && ok {
		return d.response(req), nil
	}
	res, err := g.base.RoundTrip(req.WithContext(context.WithValue(req.Context(), targetKey{}, address(req.URL))))
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 == 3 {
		closeBody(res.Body)
		return nil, fmt.Errorf("apiauth: %s redirects, which is not followed", req.URL.Hostname())
	}
	if !cacheable || res.StatusCode != http.StatusOK && res.StatusCode != http.StatusNotFound {
		return res, nil
	}
	defer closeBody(res.Body)
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDocument+1))
	if err != nil {
		return nil, err
	}
	d := document{time.Now().Add(documentFor), res.StatusCode, res.Header, body}
	g.remember(req.URL, d)
	return d.response(req), nil
}

// isMetadata reports whether u is a place for the metadata of an authorization
// server. What an API says of itself is always asked for.
func isMetadata(u *url.URL) bool {
	return strings.Contains(u.Path, "/.well-known/oauth-authorization-server") ||
		strings.Contains(u.Path, "/.well-known/openid-configuration")
}

func (g *guard) recall(u *url.URL) (document, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	d, ok := g.known[u.String()]
	return d, ok && time.Now().Before(d.until)
}

func (g *guard) remember(u *url.URL, d document) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.known) >= maxKnown {
		clear(g.known)
	}
	g.known[u.String()] = d
}

func (d document) response(req *http.Request) *http.Response {
	return &http.Response{
		Status: http.StatusText(d.status), StatusCode: d.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: d.header.Clone(), Body: io.NopCloser(bytes.NewReader(d.body)), ContentLength: int64(len(d.body)),
		Request: req,
	}
}

type targetKey struct{}

// dial is the DialContext of the own transport. It judges the address that a
// name was resolved to. An address that is not that of the request is a
// proxy's, which the user named.
func (g *guard) dial(ctx context.Context, network, to string) (net.Conn, error) {
	d := net.Dialer{Timeout: maxWait, KeepAlive: maxWait}
	target, ok := ctx.Value(targetKey{}).(string)
	if g.trusts(strings.ToLower(to)) || ok && target != strings.ToLower(to) {
		return d.DialContext(ctx, network, to)
	}
	d.ControlContext = func(_ context.Context, _, resolved string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(resolved)
		if err == nil && weburl.IsInsideAddr(at.Addr()) {
			return fmt.Errorf("%w: %s (%s)", ErrInside, to, at.Addr())
		}
		return err
	}
	return d.DialContext(ctx, network, to)
}

// address returns the host and the port of a URL, as a dialer has them.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[strings.ToLower(u.Scheme)]
	}
	return strings.ToLower(net.JoinHostPort(u.Hostname(), port))
}

func closeBody(body io.ReadCloser) {
	if body != nil {
		_ = body.Close()
	}
}
