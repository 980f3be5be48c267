package oauth2grant_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// signInServer serves an authorization server over sockets, for flows whose
// answer comes over one.
func signInServer(t *testing.T, cfg granttest.Config) (*granttest.Server, oauth2grant.Config) {
	t.Helper()
	srv := granttest.New(cfg)
	ts := httptest.NewServer(srv)
	t.Cleanup(ts.Close)
	srv.SetIssuer(ts.URL)
	return srv, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: ts.URL}, Auth: oauth2grant.Public("native"), HTTPClient: ts.Client(),
		Scopes: []string{"openid", "read"},
	}
}

// visit is what a browser does with the address of the callback.
func visit(ctx context.Context, callback string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, callback, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return errors.Join(err, res.Body.Close())
}

// approve returns an Open that signs alice in.
func approve(srv *granttest.Server) func(context.Context, string) error {
	return func(ctx context.Context, authURL string) error {
		callback, err := srv.Approve(authURL, "alice")
		if err != nil {
			return err
		}
		return visit(ctx, callback)
	}
}

func TestAuthCode_SignsInOnceAndThenRefreshes(t *testing.T) {
	srv, cfg := signInServer(t, granttest.Config{})
	var opened atomic.Int32
	g := newGrant(t, oauth2grant.AuthCode{Open: func(ctx context.Context, authURL string) error {
		opened.Add(1)
		return approve(srv)(ctx, authURL)
	}}, cfg)
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if err := g.PrepareRequest(t.Context(), http.Header{}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if _, err := g.RefreshToken(t.Context()); err != nil {
		t.Error(err)
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d tabs were opened", n)
	}
	query := srv.Requests(granttest.Token)[0].Form
	if query.Get("code_verifier") == "" || query.Get("redirect_uri") == "" {
		t.Error("the exchange lacks the verifier or the redirect URI")
	}
}

func TestAuthCode_EndsWithTheReasonAndFreesThePort(t *testing.T) {
	deny := func(srv *granttest.Server) func(context.Context, string) error {
		return func(ctx context.Context, authURL string) error {
			callback, err := srv.Deny(authURL)
			return errors.Join(err, visit(ctx, callback))
		}
	}
	nobody := func(*granttest.Server) func(context.Context, string) error {
		return func(context.Context, string) error { return nil }
	}
	edit := func(change func(url.Values)) func(*granttest.Server) func(context.Context, string) error {
		return func(srv *granttest.Server) func(context.Context, string) error {
			return func(ctx context.Context, authURL string) error {
				callback, err := srv.Approve(authURL, "alice")
				u, parseErr := url.Parse(callback)
				if err = errors.Join(err, parseErr); err != nil {
					return err
				}
				q := u.Query()
				change(q)
				u.RawQuery = q.Encode()
				return visit(ctx, u.String())
			}
		}
	}
	for _, c := range []struct {
		name string
		open func(*granttest.Server) func(context.Context, string) error
		want error // nil: any
	}{
		{"the person refuses", deny, oauth2grant.AccessDenied},
		{"nobody comes in time", nobody, oauth2grant.ErrAuthorizationTimeout},
		{"another issuer answers", edit(func(q url.Values) { q.Set("iss", "https://evil.example") }), nil},
		{"the promised issuer is missing", edit(func(q url.Values) { q.Del("iss") }), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, cfg := signInServer(t, granttest.Config{})
			port := freePort(t)
			g := newGrant(t, oauth2grant.AuthCode{
				Open: c.open(srv), Timeout: 300 * time.Millisecond, Callback: callbackserver.Config{Ports: []int{port}},
			}, cfg)
			err := g.EnsureActiveToken(t.Context())
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if srv.Count(granttest.Token) != 0 {
				t.Error("a code was exchanged")
			}
			bind(t, port)
		})
	}
}

func TestAuthCode_ClosingTheGrantEndsItAndFreesThePort(t *testing.T) {
	_, cfg := signInServer(t, granttest.Config{})
	port := freePort(t)
	opened := make(chan struct{})
	g := newGrant(t, oauth2grant.AuthCode{
		Open:     func(context.Context, string) error { close(opened); return nil },
		Callback: callbackserver.Config{Ports: []int{port}},
	}, cfg)
	waiting := make(chan error, 1)
	go func() { waiting <- g.EnsureActiveToken(context.Background()) }()
	<-opened
	_ = g.Close()
	if err := <-waiting; !errors.Is(err, oauth2grant.ErrClosed) {
		t.Errorf("error is %v", err)
	}
	bind(t, port)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

func bind(t *testing.T, port int) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		t.Fatalf("the port is not free again: %v", err)
	}
	_ = l.Close()
}

func TestAuthCode_SendsNoCodeAgainWhoseExchangeMayHaveHappened(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault granttest.Fault
		sent  int
		works bool
	}{
		{"the answer is cut off", granttest.Fault{Cut: granttest.CutAfter}, 1, false},
		{"the server says that it is busy", granttest.Error(http.StatusServiceUnavailable, "", ""), 2, true},
		{"the server fails", granttest.Error(http.StatusInternalServerError, "", ""), 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, cfg := signInServer(t, granttest.Config{})
			srv.Script(granttest.Token, c.fault)
			g := newGrant(t, oauth2grant.AuthCode{Open: approve(srv)}, cfg)
			if err := g.EnsureActiveToken(t.Context()); (err == nil) != c.works {
				t.Errorf("error is %v", err)
			}
			if n := srv.Count(granttest.Token); n != c.sent {
				t.Errorf("the code was sent %d times, want %d", n, c.sent)
			}
		})
	}
}

func portOf(t *testing.T, u *url.URL) int {
	t.Helper()
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func localOrigin(port int) string { return "http://127.0.0.1:" + strconv.Itoa(port) }
