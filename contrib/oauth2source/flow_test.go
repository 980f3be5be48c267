package oauth2source_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/oauth2grant/go-oauth2grant/contrib/oauth2source"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// theirs is a flow of x/oauth2 at srv.
func theirs(srv *granttest.Server) oauth2source.Flow {
	cfg := clientcredentials.Config{
		ClientID: "client", ClientSecret: "secret", TokenURL: srv.URL(granttest.Token),
		AuthStyle: oauth2.AuthStyleInHeader,
	}
	return oauth2source.Flow{Source: func(ctx context.Context) (oauth2.TokenSource, error) {
		return cfg.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, srv.HTTPClient())), nil
	}}
}

func TestFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Lifetime: time.Minute})
		g := open(t, theirs(srv), configFor(srv))
		for range 10 {
			if err := g.EnsureActiveToken(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(30 * time.Second)
		}
		if n := srv.Count(granttest.Token); n < 5 || n > 20 {
			t.Errorf("%d token requests in 5 minutes", n)
		}
		old, err := g.FetchToken(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second) // the refusal of a token just obtained is not believed
		g.Invalidate(old.AccessToken)
		if fresh, err := g.Token(t.Context()); err != nil || fresh == old {
			t.Errorf("a refused token came back, or %v", err)
		}
	})
}

func TestFlow_SaysWhatTheServerRefused(t *testing.T) {
	for name, c := range map[string]struct {
		fault     granttest.Fault
		code      oauth2grant.Code
		transient bool
	}{
		"a refusal": {granttest.Error(400, "invalid_scope", "no such scope"), oauth2grant.InvalidScope, false},
		"a busy server": {
			granttest.Error(503, "temporarily_unavailable", ""), oauth2grant.TemporarilyUnavailable, true,
		},
		"a page of text": {granttest.Fault{Status: 502, Body: "echo: very-marked-secret"}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Break(granttest.Token, c.fault)
				err := open(t, theirs(srv), configFor(srv)).EnsureActiveToken(t.Context())
				e, ok := errors.AsType[*oauth2grant.Error](err)
				if !ok || e.Code != c.code || e.StatusCode != c.fault.Status ||
					oauth2grant.IsTransient(err) != c.transient {
					t.Errorf("got %v", err)
				}
				if _, ok := errors.AsType[*oauth2.RetrieveError](err); !ok ||
					strings.Contains(err.Error(), "very-marked-secret") {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestFlow_EndsWithTheGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Token, granttest.Fault{Delay: time.Hour})
		g := open(t, theirs(srv), configFor(srv))
		waits := make(chan error)
		go func() { waits <- g.EnsureActiveToken(t.Context()) }()
		synctest.Wait()
		began := time.Now()
		_ = g.Close()
		if err := <-waits; !errors.Is(err, oauth2grant.ErrClosed) || time.Since(began) != 0 {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

// source is a TokenSource made of a func.
type source func() (*oauth2.Token, error)

func (f source) Token() (*oauth2.Token, error) { return f() }

func TestFlow_WithASourceThatIsNoGood(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		flow oauth2source.Flow
		is   error
	}{
		"none": {oauth2source.Flow{}, nil},
		"a nil one": {
			oauth2source.Flow{Source: func(context.Context) (oauth2.TokenSource, error) { return nil, nil }}, nil,
		},
		"one not to be had": {
			oauth2source.Flow{Source: func(context.Context) (oauth2.TokenSource, error) { return nil, broken }}, broken,
		},
		"one that fails":    {of(func() (*oauth2.Token, error) { return nil, broken }), broken},
		"one with no token": {of(func() (*oauth2.Token, error) { return nil, nil }), nil},
		"one with an empty": {of(func() (*oauth2.Token, error) { return &oauth2.Token{}, nil }), nil},
		"one with no answer": {
			of(func() (*oauth2.Token, error) { return nil, &oauth2.RetrieveError{ErrorCode: "x"} }),
			oauth2grant.Code("x"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.flow.Run(t.Context(), nil); err == nil || c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("got %v", err)
			}
		})
	}
	token, err := of(func() (*oauth2.Token, error) {
		return &oauth2.Token{AccessToken: "A", RefreshToken: "R"}, nil
	}).Run(t.Context(), nil)
	if err != nil || token.RefreshToken != "" || token.AccessToken != "A" {
		t.Errorf("got %v, %v", token, err)
	}
}

func of(f source) oauth2source.Flow {
	return oauth2source.Flow{Source: func(context.Context) (oauth2.TokenSource, error) { return f, nil }}
}

func TestFromConfig(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    oauth2grant.Config
		method string
	}{
		"header": {fromConfig("s", oauth2.AuthStyleInHeader), "client_secret_basic"},
		"trial":  {fromConfig("s", oauth2.AuthStyleAutoDetect), "client_secret_basic"},
		"params": {fromConfig("s", oauth2.AuthStyleInParams), "client_secret_post"},
		"public": {fromConfig("", oauth2.AuthStyleInParams), "none"},
	} {
		t.Run(name, func(t *testing.T) {
			want := oauth2grant.Server{
				TokenURL: "https://a.example/t", AuthURL: "https://a.example/a", DeviceAuthURL: "https://a.example/d",
			}
			if c.cfg.Server != want || len(c.cfg.Scopes) != 1 || methodOf(t, c.cfg) != c.method {
				t.Errorf("got %v", c.cfg)
			}
			if _, err := oauth2grant.NewClient(c.cfg); err != nil {
				t.Error(err)
			}
		})
	}
	for name, cfg := range map[string]oauth2grant.Config{
		"FromConfig": oauth2source.FromConfig(nil), "FromClientCredentials": oauth2source.FromClientCredentials(nil),
	} {
		if _, err := oauth2grant.NewClient(cfg); err == nil {
			t.Errorf("%s makes something of nil", name)
		}
	}
}

// methodOf names the method by which cfg authenticates its client.
func methodOf(t *testing.T, cfg oauth2grant.Config) string {
	t.Helper()
	h, form := http.Header{}, url.Values{}
	if err := cfg.Auth.Authenticate(t.Context(), cfg.Server.TokenURL, h, form); err != nil {
		t.Fatal(err)
	}
	switch {
	case h.Get("Authorization") == "Basic aWQ6cw==":
		return "client_secret_basic"
	case form.Get("client_secret") == "s":
		return "client_secret_post"
	default:
		return "none"
	}
}

func fromConfig(secret string, style oauth2.AuthStyle) oauth2grant.Config {
	return oauth2source.FromConfig(&oauth2.Config{
		ClientID: "id", ClientSecret: secret, Scopes: []string{"a"}, RedirectURL: "http://127.0.0.1/callback",
		Endpoint: oauth2.Endpoint{
			AuthURL: "https://a.example/a", TokenURL: "https://a.example/t", DeviceAuthURL: "https://a.example/d",
			AuthStyle: style,
		},
	})
}

func TestFromClientCredentials_AsksForWhatTheOldOneAsked(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	old := &clientcredentials.Config{
		ClientID: "client", ClientSecret: "secret", TokenURL: srv.URL(granttest.Token), Scopes: []string{"a", "b"},
		EndpointParams: map[string][]string{"audience": {"https://api.example"}}, AuthStyle: oauth2.AuthStyleInParams,
	}
	ctx := context.WithValue(t.Context(), oauth2.HTTPClient, srv.HTTPClient())
	if _, err := old.Token(ctx); err != nil {
		t.Fatal(err)
	}
	cfg := oauth2source.FromClientCredentials(old)
	cfg.HTTPClient = srv.HTTPClient()
	h := http.Header{}
	if err := open(t, oauth2grant.ClientCredentials{}, cfg).PrepareRequest(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	sent := srv.Requests(granttest.Token)
	if len(sent) != 2 || sent[0].Form.Encode() != sent[1].Form.Encode() {
		t.Errorf("%d requests, of which the forms differ", len(sent))
	}
}
