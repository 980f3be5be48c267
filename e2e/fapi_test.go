package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/servers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
)

// fapiServer is the certified server with its FAPI 2.0 profile, which rotates
// no refresh token (§5.3.2.1), and an API that takes its tokens.
type fapiServer struct {
	*authServer
	*servers.OIDCProvider
	api *resourceServer
}

func startFAPI(t *testing.T) fapiServer {
	t.Helper()
	p := servers.StartOIDCProvider(t, servers.Options{KeepRefreshToken: true, Env: []string{"FAPI=2.0"}})
	s := &authServer{oidcProvider, p.Issuer(), func() int { return p.Stats(t).TokenRequests }}
	return fapiServer{s, p, startResourceServer(t, s.client(t))}
}

// certificate returns what a client with that certificate opens connections
// with, here and at the API. It reads the files anew for each of them.
func (s fapiServer) certificate(t *testing.T, files string) *tls.Config {
	t.Helper()
	cfg := certificate(t, s.OIDCProvider, files)
	cfg.RootCAs.AddCert(s.api.Certificate())
	return cfg
}

// certificate is the one at p of that name; empty: none.
func certificate(t *testing.T, p *servers.OIDCProvider, files string) *tls.Config {
	t.Helper()
	authority, err := os.ReadFile(p.File("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{RootCAs: x509.NewCertPool()}
	cfg.RootCAs.AppendCertsFromPEM(authority)
	if files != "" {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(p.File(files+".crt"), p.File(files+".key"))
			return &pair, err
		}
	}
	return cfg
}

// onEachConnection opens one for every request.
func onEachConnection(cfg *tls.Config) *http.Transport {
	return &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}
}

// TestFAPI lets a person sign in under the FAPI 2.0 Security Profile: the
// request is pushed, with PKCE; the client signs or has a certificate; and the
// tokens are bound to a key or to the certificate.
func TestFAPI(t *testing.T) {
	t.Parallel()
	s := startFAPI(t)
	signs := func(id string) oauth2grant.ClientAuth {
		return clientassertion.PrivateKeyJWTFunc(id, clientassertion.KeyFile(s.File("client.jwk")), nil)
	}
	for name, c := range map[string]struct {
		auth        oauth2grant.ClientAuth
		certificate string // empty: tokens are bound to the key of a proof
	}{
		"private_key_jwt, DPoP":                              {signs("fapi-dpop"), ""},
		"private_key_jwt, bound to a certificate":            {signs("fapi-mtls"), "self"},
		"tls_client_auth, bound to the certificate":          {oauth2grant.Public("mtls-ca"), "mtls"},
		"self_signed_tls_client_auth, bound to the same one": {oauth2grant.Public("mtls"), "self"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := s.config(c.auth, personal...)
			tlsConfig := s.certificate(t, c.certificate)
			if cfg.Server.MTLS = c.certificate != ""; cfg.Server.MTLS {
				cfg.HTTPClient = &http.Client{Transport: onEachConnection(tlsConfig)}
			} else {
				cfg.Proof = newProver(t)
			}
			p := newPerson(t, oidcProvider)
			p.will(p.approves(alice), returns())
			g := newGrant(t, p.flow(), cfg)
			first := tokenOf(t, g)
			p.done()
			s.wantFAPI(t, p, first)

			apis := onEachConnection(tlsConfig)
			for range 10 {
				s.api.wantStatus(t, g.Transport(apis), http.StatusOK)
			}
			second, err := g.RefreshToken(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if second.AccessToken == first.AccessToken || second.RefreshToken != first.RefreshToken {
				t.Error("a refresh brings another access token and the same refresh token")
			}
			for range 10 {
				s.api.wantStatus(t, g.Transport(apis), http.StatusOK)
			}
			if who, err := g.UserInfo(t.Context()); err != nil || who.Subject != "alice" {
				t.Errorf("userinfo says %q, %v", who.Subject, err)
			}
			p.wantOpened(1)
			if n := s.api.nonces(); cfg.Proof != nil && (n == 0 || n > 20) {
				t.Errorf("the API asked for a nonce %d times in 20 calls", n)
			}
			s.wantUseless(t, cfg, second)
		})
	}
}

func newProver(t *testing.T) *dpop.Prover {
	t.Helper()
	p, err := dpop.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wantFAPI looks at what the browser carried and at the ID token.
func (s fapiServer) wantFAPI(t *testing.T, p *person, first oauth2grant.Token) {
	t.Helper()
	if names := slices.Sorted(maps.Keys(p.authorization(t))); !slices.Equal(names, []string{"client_id", "request_uri"}) {
		t.Errorf("the browser carried %v", names)
	}
	var claims struct{ Iss, Sub string }
	readClaims(t, first.IDToken, &claims)
	if claims.Iss != s.issuer || claims.Sub != "alice" {
		t.Errorf("the ID token is from %q, of %q", claims.Iss, claims.Sub)
	}
	if first.RefreshToken == "" {
		t.Error("there is no refresh token")
	}
}

// wantUseless: whoever has stolen the token, and not the key, gets nothing for
// it, neither at the API nor at the server.
func (s fapiServer) wantUseless(t *testing.T, owner oauth2grant.Config, token oauth2grant.Token) {
	t.Helper()
	thief := s.config(oauth2grant.Public("thief"))
	thief.Token = oauth2grant.Token{AccessToken: token.AccessToken, TokenType: token.TokenType}
	if owner.Proof != nil {
		thief.Proof = newProver(t)
	}
	g := newGrant(t, oauth2grant.RefreshOnly{}, thief)
	s.api.wantStatus(t, authorized{g, onEachConnection(s.certificate(t, ""))}, http.StatusUnauthorized)
	_, err := g.Client().UserInfo(t.Context(), token.AccessToken)
	if !errors.Is(err, oauth2grant.InvalidToken) {
		t.Errorf("userinfo tells a thief: %v", err)
	}
}

// authorized puts the token on a request and renews nothing.
type authorized struct {
	g    *oauth2grant.Grant
	base http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (a authorized) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if err := a.g.Authorize(req); err != nil {
		return nil, err
	}
	return a.base.RoundTrip(req)
}

// TestFAPI_TheProfileIsInForce: the server refuses what FAPI 2.0 does.
func TestFAPI_TheProfileIsInForce(t *testing.T) {
	t.Parallel()
	s := startFAPI(t)
	key := clientassertion.KeyFile(s.File("client.jwk"))
	older := &clientassertion.Options{Audience: s.issuer + "/token"}
	cfg := s.config(clientassertion.PrivateKeyJWTFunc("fapi-dpop", key, older), personal...)
	cfg.Proof = newProver(t)
	c, err := oauth2grant.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	if _, err := c.BeginAuthorization(t.Context(), "http://127.0.0.1/callback", nil); !errors.Is(err, oauth2grant.InvalidClient) {
		t.Errorf("an assertion for the token endpoint: %v", err)
	}

	unbound := s.config(clientassertion.PrivateKeyJWTFunc("fapi-dpop", key, nil), personal...)
	g := newGrant(t, oauth2grant.AuthCode{
		Open: withoutABrowser, Params: url.Values{"login_hint": {"auto:alice"}},
	}, unbound)
	if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.InvalidGrant) && !errors.Is(err, oauth2grant.InvalidRequest) {
		t.Errorf("a token that is bound to nothing: %v", err)
	}
}
