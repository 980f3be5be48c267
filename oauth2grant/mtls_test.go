package oauth2grant_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const mtlsOrigin = "https://mtls.auth.example"

// aliasing makes a server whose metadata has the aliases, all of them at
// mtlsOrigin if they are nil, and a Config that makes use of them. The host of
// every request but those of discovery is appended to asked.
func aliasing(aliases map[string]any) (cfg oauth2grant.Config, asked *[]string) {
	srv := granttest.New(granttest.Config{})
	if aliases == nil {
		aliases = map[string]any{}
		for name, at := range map[string]granttest.Endpoint{
			"token_endpoint": granttest.Token, "revocation_endpoint": granttest.Revocation,
			"introspection_endpoint": granttest.Introspection, "userinfo_endpoint": granttest.UserInfo,
			"pushed_authorization_request_endpoint": granttest.PAR, "authorization_endpoint": granttest.Authorize,
			"device_authorization_endpoint": granttest.DeviceAuthorization,
		} {
			aliases[name] = strings.Replace(srv.URL(at), srv.Issuer(), mtlsOrigin, 1)
		}
	}
	setMetadata(srv, "mtls_endpoint_aliases", aliases)
	cfg = configFor(srv)
	cfg.Server.MTLS = true
	asked = new([]string)
	cfg.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			*asked = append(*asked, r.URL.Host)
		}
		r = r.Clone(r.Context())
		r.URL.Host = hostOf(srv.Issuer())
		return srv.Transport().RoundTrip(r)
	})}
	return cfg, asked
}

func hostOf(raw string) string {
	u, _ := url.Parse(raw)
	return u.Host
}

func wantHosts(t *testing.T, asked []string, want ...string) {
	t.Helper()
	if !slices.Equal(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestMTLS_RequestsGoToTheAliases(t *testing.T) {
	const alias = "mtls.auth.example"
	cfg, asked := aliasing(nil)
	cfg.PushedAuthorization = true
	c := newClient(t, cfg)
	token, err := alice().Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if token, err = c.Refresh(t.Context(), token.RefreshToken, nil); err != nil {
		t.Fatal(err)
	}
	_, failedInfo := c.UserInfo(t.Context(), token.AccessToken)
	_, failedLook := c.Introspect(t.Context(), token.AccessToken, "")
	a, failedPush := c.BeginAuthorization(t.Context(), "https://app.example/cb", nil)
	if err := errors.Join(failedInfo, failedLook, failedPush, c.Revoke(t.Context(), token.AccessToken, "")); err != nil {
		t.Fatal(err)
	}
	wantHosts(t, *asked, alias, alias, alias, alias, alias, alias)
	if hostOf(a.URL) != hostOf(cfg.Server.Issuer) {
		t.Errorf("the browser is sent to %s, where it would be asked for a certificate", hostOf(a.URL))
	}
	if hostOf(a.TokenURL) != alias {
		t.Errorf("the code will go to %s", a.TokenURL)
	}
}

func TestMTLS_PicksTheEndpoint(t *testing.T) {
	request := func(t *testing.T, cfg oauth2grant.Config) error {
		t.Helper()
		_, err := oauth2grant.ClientCredentials{}.Run(t.Context(), newClient(t, cfg))
		return err
	}
	plain := hostOf(granttest.New(granttest.Config{}).Issuer())
	for name, c := range map[string]struct {
		aliases map[string]any
		edit    func(t *testing.T, cfg *oauth2grant.Config)
		want    string // host; empty: nothing is sent
	}{
		"an alias":               {nil, nil, "mtls.auth.example"},
		"none for this endpoint": {map[string]any{"revocation_endpoint": mtlsOrigin}, nil, plain},
		"an alias that is null":  {map[string]any{"token_endpoint": nil}, nil, plain},
		"one that is not wished": {nil, func(_ *testing.T, cfg *oauth2grant.Config) { cfg.Server.MTLS = false }, plain},
		"one beside what the user names": {nil, func(_ *testing.T, cfg *oauth2grant.Config) {
			cfg.Server.TokenURL = "https://own.example/token"
		}, "own.example"},
		"one of a server that was discovered": {nil, func(t *testing.T, cfg *oauth2grant.Config) {
			found, err := oauth2grant.Discover(t.Context(), cfg.Server.Issuer, cfg.HTTPClient)
			if err != nil {
				t.Fatal(err)
			}
			cfg.Server, cfg.Server.MTLS = found, true
		}, "mtls.auth.example"},
		"one that is not acceptable": {map[string]any{"token_endpoint": "http://mtls.auth.example/token"}, nil, ""},
		"one at this machine":        {map[string]any{"token_endpoint": "https://127.0.0.1/token"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, asked := aliasing(c.aliases)
			if c.edit != nil {
				c.edit(t, &cfg)
			}
			err := request(t, cfg)
			if c.want == "" {
				wantIs(t, err, errors.ErrUnsupported)
				if !strings.Contains(err.Error(), "mtls_endpoint_aliases.token_endpoint") {
					t.Errorf("the error does not name the alias: %v", err)
				}
				wantHosts(t, *asked)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wantHosts(t, *asked, c.want)
		})
	}
}

func TestMTLS_NeedsAnHTTPClient(t *testing.T) {
	_, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: "https://auth.example", MTLS: true}, Auth: oauth2grant.Public("client"),
	})
	wantIs(t, err, oauth2grant.ErrConfig)
	if !strings.Contains(err.Error(), "HTTPClient") {
		t.Errorf("got %v", err)
	}
}
