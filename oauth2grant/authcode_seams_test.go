package oauth2grant_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// approveWith is approve, with more parameters in the redirect.
func approveWith(srv *granttest.Server, more url.Values) func(context.Context, string) error {
	return func(ctx context.Context, authURL string) error {
		callback, err := srv.Approve(authURL, "alice")
		if err != nil {
			return err
		}
		return visit(ctx, callback+"&"+more.Encode())
	}
}

func TestAuthCode_OnCallback(t *testing.T) {
	refused := errors.New("not that company")
	for _, c := range []struct {
		name      string
		more      url.Values
		returns   error
		called    bool
		exchanged int
		want      error
	}{
		{"sees what else came", url.Values{"realmId": {"4620816365"}, "accounts-server": {"eu"}}, nil, true, 1, nil},
		{"is called where nothing else came", nil, nil, true, 1, nil},
		{"sees the scopes that were granted", url.Values{"scope": {"read,activity:read_all"}}, nil, true, 1, nil},
		{
			"sees the person's domain",
			url.Values{"authuser": {"0"}, "hd": {"example.com"}, "prompt": {"consent"}},
			nil, true, 1, nil,
		},
		{
			"sees where the account is",
			url.Values{"location": {"eu"}, "accounts-server": {"https://accounts.example.eu"}},
			nil, true, 1, nil,
		},
		{
			"sees a shop and its proof",
			url.Values{"shop": {"x.example"}, "hmac": {"0a1b"}, "timestamp": {"1337178173"}},
			nil, true, 1, nil,
		},
		{
			"sees an administrator's consent",
			url.Values{"admin_consent": {"True"}, "tenant": {"0000-1111"}},
			nil,
			true, 1, nil,
		},
		{"sees the session", url.Values{"session_state": {"a.b-c"}}, nil, true, 1, nil},
		{"sees what is empty", url.Values{"team": {""}}, nil, true, 1, nil},
		{"sees what is encoded", url.Values{"name": {"a b&c=d é"}}, nil, true, 1, nil},
		{"ends the sign-in before the code is used", url.Values{"realmId": {"1"}}, refused, true, 0, refused},
		{
			"does not see an answer that is refused",
			url.Values{"error": {"access_denied"}},
			nil, false, 0,
			oauth2grant.AccessDenied,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, cfg := signInServer(t, granttest.Config{})
			var seen url.Values
			g := newGrant(t, oauth2grant.AuthCode{
				Open: approveWith(srv, c.more),
				OnCallback: func(_ context.Context, answer url.Values) error {
					seen = answer
					return c.returns
				},
			}, cfg)
			if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if (seen != nil) != c.called || srv.Count(granttest.Token) != c.exchanged {
				t.Errorf("called: %v, and %d exchanges", seen != nil, srv.Count(granttest.Token))
			}
			if seen.Has("code") || seen.Has("state") {
				t.Error("it sees code or state")
			}
			for name, values := range c.more {
				if c.called && !slices.Equal(seen[name], values) {
					t.Errorf("%s is %q, want %q", name, seen[name], values)
				}
			}
		})
	}
}

func TestAuthCode_VerifyIDToken(t *testing.T) {
	replayed := errors.New("replayed")
	for _, want := range []error{nil, replayed} {
		srv, cfg := signInServer(t, granttest.Config{})
		called := false
		token, err := oauth2grant.AuthCode{
			Open: approve(srv),
			VerifyIDToken: func(_ context.Context, a oauth2grant.Authorization, token oauth2grant.Token) error {
				called = a.Nonce != "" && a.CheckNonce(a.Nonce) == nil && token.AccessToken != ""
				return want
			},
		}.Run(t.Context(), newClient(t, cfg))
		if !called || !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("called: %v, error %v, want %v", called, err, want)
		}
		if (token.AccessToken != "") != (want == nil) {
			t.Errorf("got %v", token)
		}
	}
}

func TestAuthCode_SaysThatThePortIsTaken(t *testing.T) {
	_, cfg := signInServer(t, granttest.Config{})
	other, err := callbackserver.Listen(t.Context(), callbackserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	u, err := url.Parse(other.RedirectURI())
	if err != nil {
		t.Fatal(err)
	}
	flow := oauth2grant.AuthCode{Callback: callbackserver.Config{Ports: []int{portOf(t, u)}}}
	_, err = flow.Run(t.Context(), newClient(t, cfg))
	wantIs(t, err, callbackserver.ErrPortTaken)
}

func TestAuthCode_SaysThatAnOlderSignInWasFinished(t *testing.T) {
	_, cfg := signInServer(t, granttest.Config{})
	flow := oauth2grant.AuthCode{
		Timeout: 300 * time.Millisecond,
		Open: func(ctx context.Context, authURL string) error {
			u, err := url.Parse(authURL)
			return errors.Join(err, visit(ctx, u.Query().Get("redirect_uri")+"?code=C&state=of-an-older-one"))
		},
	}
	_, err := flow.Run(t.Context(), newClient(t, cfg))
	wantIs(t, err, oauth2grant.ErrAuthorizationTimeout)
	wantIs(t, err, oauth2grant.ErrOtherState)
}

func TestAuthCode_PageNamesTheProgram(t *testing.T) {
	for _, c := range []struct{ grant, callback, want string }{
		{"Acme CLI", "", "Return to Acme CLI"},
		{"Acme CLI", "Acme", "Return to Acme<"},
		{"", "", "Return to the program"},
	} {
		srv, cfg := signInServer(t, granttest.Config{})
		cfg.Name = c.grant
		page := ""
		g := newGrant(t, oauth2grant.AuthCode{
			Callback: callbackserver.Config{Name: c.callback},
			Open: func(ctx context.Context, authURL string) error {
				callback, err := srv.Approve(authURL, "alice")
				if err != nil {
					return err
				}
				page, err = pageAt(ctx, callback)
				return err
			},
		}, cfg)
		ensure(t, g)
		if !strings.Contains(page, c.want) {
			t.Errorf("the page lacks %q:\n%s", c.want, page)
		}
	}
}

// pageAt returns what a browser shows at an address.
func pageAt(ctx context.Context, address string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

func TestAuthCode_RegisteredRedirectURI(t *testing.T) {
	for _, registered := range []string{
		"https://tunnel.example/slack/callback", "https://tunnel.example/", "https://tunnel.example:8443/cb",
		"https://tunnel.example/a/b/c",
		"https://x-1.tunnel.example/cb", "https://tunnel.example/cb?tenant=1", "https://tunnel.example/cb?a=1&b=2",
		"http://localhost:4000/callback", "http://127.0.0.1:4000/cb", "http://localhost/cb", "https://192.0.2.1/cb",
	} {
		t.Run(registered, func(t *testing.T) {
			srv, cfg := signInServer(t, granttest.Config{
				Clients: []granttest.Client{{ID: "native", RedirectURIs: []string{registered}}},
			})
			port := freePort(t)
			g := newGrant(t, oauth2grant.AuthCode{
				Callback: callbackserver.Config{RedirectURI: registered, Ports: []int{port}},
				Open: func(ctx context.Context, authURL string) error {
					callback, err := srv.Approve(authURL, "alice")
					if err != nil {
						return err
					}
					u, err := url.Parse(callback)
					if err != nil {
						return err
					}
					return visit(ctx, localOrigin(port)+u.RequestURI()) // what stands there passes the request on
				},
			}, cfg)
			ensure(t, g)
			if got := srv.Requests(granttest.Token)[0].Form.Get("redirect_uri"); got != registered {
				t.Errorf("redirect_uri %q", got)
			}
		})
	}
}
