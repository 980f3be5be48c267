package oauth2grant_test

import (
	"context"
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// problemsOf takes the error of an unusable Config apart.
func problemsOf(t *testing.T, err error) []error {
	t.Helper()
	wantIs(t, err, oauth2grant.ErrConfig)
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %q", err)
	}
	problems, ok := errors.AsType[oauth2grant.OneLine](err)
	if !ok {
		t.Fatalf("got %v, want the problems of a Config", err)
	}
	return problems.Unwrap()
}

type nilAuth struct{ oauth2grant.ClientAuth }

type nilFlow struct{}

func (*nilFlow) Run(context.Context, *oauth2grant.Client) (oauth2grant.Token, error) {
	return oauth2grant.Token{}, nil
}
func (*nilFlow) Interactive() bool { return false }

// watched is a store that fails the test when a grant that can't be made
// listens to it.
type watched struct {
	oauth2grant.Store
	t *testing.T
}

func (w watched) Notify(func()) func() {
	w.t.Error("the store was listened to")
	return func() {}
}

func TestNew_NamesEveryProblemOfAConfigAtOnce(t *testing.T) {
	type config = oauth2grant.Config
	good := func() config { return configFor(granttest.New(granttest.Config{})) }
	secret := func(context.Context) (string, error) { return "", nil }
	shared := newClient(t, good())
	for name, c := range map[string]struct {
		flow  oauth2grant.Flow
		edit  func(*config)
		wants []string // each named in one problem
	}{
		"nothing at all":     {nil, func(c *config) { *c = config{} }, []string{"Issuer", "Auth", "flow"}},
		"a flow that is nil": {nil, func(*config) {}, []string{"flow"}},
		"nil pointers": {nil, func(c *config) {
			c.Store, c.Proof, c.RevocationAuth = (*store)(nil), (*dpop.Prover)(nil), (*nilAuth)(nil)
		}, []string{"Proof is a nil", "RevocationAuth is a nil", "Store is a nil", "flow"}},
		"a flow that is a nil": {(*nilFlow)(nil), func(*config) {}, []string{"flow"}},
		"an issuer over http": {
			alice(), func(c *config) { c.Server.Issuer = "http://auth.example" }, []string{"Server.Issuer"},
		},
		"an issuer that is no URL": {
			alice(), func(c *config) { c.Server.Issuer = "auth.example" }, []string{"Server.Issuer"},
		},
		"endpoints over http": {
			alice(), func(c *config) {
				c.Server.TokenURL, c.Server.PARURL = "http://a.example", "x"
			}, []string{"Server.TokenURL", "Server.PARURL"},
		},
		"a URL with a password": {
			alice(), func(c *config) { c.Server.AuthURL = "https://a:SECRET@a.example" }, []string{"Server.AuthURL"},
		},
		"no client id": {
			alice(), func(c *config) { c.Auth = oauth2grant.SecretBasic("", "s") }, []string{"Auth"},
		},
		"an unknown method": {
			alice(), func(c *config) { c.Auth = oauth2grant.SecretFunc("a", "basic", secret) }, []string{"Auth"},
		},
		"no func for the secret": {
			alice(), func(c *config) { c.Auth = oauth2grant.SecretFunc("a", oauth2grant.MethodPost, nil) },
			[]string{"Auth"},
		},
		"no id to revoke with": {
			alice(), func(c *config) { c.RevocationAuth = oauth2grant.Public("") }, []string{"RevocationAuth"},
		},
		"an unknown PKCE method": {alice(), func(c *config) { c.PKCE = "s256" }, []string{"PKCEMethod"}},
		"negative times": {
			alice(), func(c *config) {
				c.Refresh = oauth2grant.Refresh{Before: -1, Leeway: -1, Timeout: -1}
			}, []string{"Before", "Leeway", "Timeout"},
		},
		"negative back-offs": {
			alice(), func(c *config) {
				c.Refresh = oauth2grant.Refresh{MinBackOff: -1, MaxBackOff: -1, IdleAfter: -1}
			}, []string{"MinBackOff", "MaxBackOff", "IdleAfter"},
		},
		"back-offs that cross": {
			alice(), func(c *config) { c.Refresh = oauth2grant.Refresh{MinBackOff: 2, MaxBackOff: 1} },
			[]string{"MinBackOff"},
		},
		"too much jitter":          {alice(), func(c *config) { c.Refresh.Jitter = 1.5 }, []string{"Jitter"}},
		"jitter that is no number": {alice(), func(c *config) { c.Refresh.Jitter = math.NaN() }, []string{"Jitter"}},
		"eager and disabled": {
			alice(), func(c *config) { c.Refresh = oauth2grant.Refresh{Eager: true, Disabled: true} },
			[]string{"Disabled"},
		},
		"idle and disabled": {
			alice(), func(c *config) { c.Refresh = oauth2grant.Refresh{IdleAfter: 1, Disabled: true} },
			[]string{"Disabled"},
		},
		"origins that are none": {
			alice(), func(c *config) {
				c.Origins = []string{"api.example", "https://api.example/v1", "https://api.example"}
			}, []string{"api.example", "/v1"},
		},
		"no user": {oauth2grant.Password{Password: "x"}, func(*config) {}, []string{"Username"}},
		"two ways to a password": {
			oauth2grant.Password{Username: "a", Credentials: func(context.Context) (string, string, error) {
				return "", "", nil
			}}, func(*config) {}, []string{"Credentials"},
		},
		"a sign-in without time": {oauth2grant.AuthCode{Timeout: -1}, func(*config) {}, []string{"Timeout"}},
		"a sign-in to nowhere": {
			oauth2grant.AuthCode{},
			func(c *config) { c.Server = oauth2grant.Server{TokenURL: "https://a.example"} },
			[]string{"AuthURL"},
		},
		"a sign-in with a state": {
			oauth2grant.AuthCode{Params: url.Values{"state": {"x"}}}, func(*config) {}, []string{"state"},
		},
		"a device without a server": {
			oauth2grant.DeviceCode{},
			func(c *config) { c.Server = oauth2grant.Server{TokenURL: "https://a.example"} },
			[]string{"DeviceAuthURL"},
		},
		"a client and its parts": {alice(), func(c *config) { c.Client = shared }, []string{"Client"}},
		"a client made by hand": {
			alice(), func(c *config) { *c = config{Client: &oauth2grant.Client{}} }, []string{"NewClient"},
		},
		"a client and http": {alice(), func(c *config) {
			*c = config{Client: shared, InsecureAllowHTTP: true, Refresh: oauth2grant.Refresh{Before: -1}}
		}, []string{"InsecureAllowHTTP", "Before"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			cfg.Store = watched{nil, t}
			c.edit(&cfg)
			g, err := oauth2grant.New(t.Context(), c.flow, cfg)
			if g != nil {
				t.Fatal("made a grant")
			}
			problems := problemsOf(t, err)
			if len(problems) != len(c.wants) {
				t.Fatalf("%d problems, want %d: %v", len(problems), len(c.wants), err)
			}
			for i, name := range c.wants {
				if !strings.Contains(problems[i].Error(), name) {
					t.Errorf("%q does not name %s", problems[i], name)
				}
			}
			if strings.Contains(err.Error(), "SECRET") {
				t.Errorf("shows a secret: %v", err)
			}
		})
	}
}

func TestNew_TakesWhatIsUsable(t *testing.T) {
	for name, edit := range map[string]func(*oauth2grant.Config){
		"an issuer alone": func(*oauth2grant.Config) {},
		"a token endpoint alone": func(c *oauth2grant.Config) {
			c.Server = oauth2grant.Server{TokenURL: "https://a.example/t"}
		},
		"http to this machine": func(c *oauth2grant.Config) { c.Server.Issuer = "http://[::1]:8080" },
		"http that is wished for": func(c *oauth2grant.Config) {
			c.Server.Issuer, c.InsecureAllowHTTP = "http://auth.example", true
		},
		"no jitter":             func(c *oauth2grant.Config) { c.Refresh.Jitter = -1 },
		"a long least back-off": func(c *oauth2grant.Config) { c.Refresh.MinBackOff = time.Hour },
		"origins, also over http": func(c *oauth2grant.Config) {
			c.Origins = []string{"https://api.example/", "http://127.0.0.1:80"}
		},
		"an endpoint with a query": func(c *oauth2grant.Config) { c.Server.TokenURL = "https://a.example/t?tenant=1" },
		"a shared client with a grant's own scopes": func(c *oauth2grant.Config) {
			*c = oauth2grant.Config{
				Client: newClient(t, *c), Scopes: []string{"a"}, Refresh: oauth2grant.Refresh{Disabled: true},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configFor(granttest.New(granttest.Config{}))
			edit(&cfg)
			open(t, alice(), cfg)
		})
	}
}

func TestNewClient_RefusesWhatBelongsToAGrant(t *testing.T) {
	for name, edit := range map[string]func(*oauth2grant.Config){
		"a token":     func(c *oauth2grant.Config) { c.Token.RefreshToken = "R" },
		"a store":     func(c *oauth2grant.Config) { c.Store = watched{nil, t} },
		"a schedule":  func(c *oauth2grant.Config) { c.Refresh.Disabled = true },
		"OnEvent":     func(c *oauth2grant.Config) { c.OnEvent = func(context.Context, oauth2grant.Event) {} },
		"a client":    func(c *oauth2grant.Config) { c.Client = newClient(t, *c) },
		"no server":   func(c *oauth2grant.Config) { c.Server = oauth2grant.Server{} },
		"no identity": func(c *oauth2grant.Config) { c.Auth = nil },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configFor(granttest.New(granttest.Config{}))
			edit(&cfg)
			c, err := oauth2grant.NewClient(cfg)
			if c != nil || len(problemsOf(t, err)) != 1 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestConfig_IsCopied(t *testing.T) {
	for name, use := range map[string]func(t *testing.T, cfg oauth2grant.Config) *oauth2grant.Client{
		"by New": func(t *testing.T, cfg oauth2grant.Config) *oauth2grant.Client {
			return open(t, alice(), cfg).Client()
		},
		"by NewClient": func(t *testing.T, cfg oauth2grant.Config) *oauth2grant.Client { return newClient(t, cfg) },
		"by New with a shared Client": func(t *testing.T, cfg oauth2grant.Config) *oauth2grant.Client {
			client := newClient(t, configFor(granttest.New(granttest.Config{})))
			return open(t, alice(), oauth2grant.Config{Client: client, Scopes: cfg.Scopes, Params: cfg.Params}).Client()
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := configFor(granttest.New(granttest.Config{}))
			cfg.Scopes, cfg.Params = []string{"read"}, url.Values{"resource": {"https://api.example"}}
			c := use(t, cfg)
			cfg.Scopes[0], cfg.Params["resource"][0] = "changed", "changed"
			cfg.Params.Set("audience", "changed")
			a, err := c.BeginAuthorization(t.Context(), "http://127.0.0.1/callback", nil)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(a.URL, "changed") || a.Scopes[0] != "read" {
				t.Errorf("got %s", a.URL)
			}
		})
	}
}

func TestConfig_HTTPClientIsNotModified(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	hc := srv.HTTPClient()
	hc.Timeout = time.Nanosecond
	cfg := configFor(srv)
	cfg.HTTPClient = hc
	ensure(t, open(t, alice(), cfg))
	if hc.Timeout != time.Nanosecond || hc.CheckRedirect != nil || hc.Jar != nil {
		t.Errorf("got %+v", hc)
	}
}
