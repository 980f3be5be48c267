package e2e

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/servers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
)

// startKeyless starts the certified server, which wants a nonce in every proof
// and issues refresh tokens to everybody.
func startKeyless(t *testing.T) (*servers.OIDCProvider, *authServer) {
	t.Helper()
	p := servers.StartOIDCProvider(t, servers.Options{AlwaysRefreshToken: true})
	return p, &authServer{oidcProvider, p.Issuer(), func() int { return p.Stats(t).TokenRequests }}
}

// privateKeyJWT is the client that has registered the key in client.jwk.
func privateKeyJWT(p *servers.OIDCProvider) oauth2grant.ClientAuth {
	return clientassertion.PrivateKeyJWTFunc("pkjwt", clientassertion.KeyFile(p.File("client.jwk")), nil)
}

func TestClientAssertion_AtTheCertifiedServer(t *testing.T) {
	t.Parallel()
	p, s := startKeyless(t)
	document, err := os.ReadFile(p.File("client.key"))
	if err != nil {
		t.Fatal(err)
	}
	fromPEM, err := clientassertion.ParseKey(document)
	if err != nil {
		t.Fatal(err)
	}
	tokenEndpoint := &clientassertion.Options{Audience: s.issuer + "/token"}
	for name, auth := range map[string]oauth2grant.ClientAuth{
		"private_key_jwt": privateKeyJWT(p),
		"private_key_jwt, PEM": clientassertion.PrivateKeyJWT("pkjwt", fromPEM.WithID("client-1"),
			nil),
		"private_key_jwt, as older servers want":   clientassertion.PrivateKeyJWT("pkjwt", fromPEM, tokenEndpoint),
		"client_secret_jwt":                        clientassertion.ClientSecretJWT("hmac", hmacSecret, nil),
		"client_secret_jwt, as older servers want": clientassertion.ClientSecretJWT("hmac", hmacSecret, tokenEndpoint),
	} {
		t.Run(name, func(t *testing.T) { authenticates(t, s, auth) })
	}
	wrong := newGrant(t, oauth2grant.ClientCredentials{}, s.config(clientassertion.ClientSecretJWT("hmac", hmacSecret+"!",
		nil)))
	if err := wrong.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.InvalidClient) {
		t.Errorf("with another secret: %v", err)
	}
}

// TestClientAssertion_AtFosite: it wants its token endpoint for the audience,
// which the options bring.
func TestClientAssertion_AtFosite(t *testing.T) {
	t.Parallel()
	s := fositeTrial(t)
	authenticates(t, s.authServer, s.clients["private_key_jwt"].Auth)
	key, err := clientassertion.NewKey(s.key.Key.(crypto.Signer), s.key.KeyID)
	must(t, err)
	g := newGrant(t, oauth2grant.ClientCredentials{}, s.config(clientassertion.PrivateKeyJWT("signed", key, nil)))
	if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.InvalidClient) {
		t.Errorf("with the issuer for the audience: %v", err)
	}
}

// withoutABrowser follows the redirects of a sign-in at which the server asks
// nothing, as the hint auto:alice makes it.
func withoutABrowser(ctx context.Context, authURL string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authURL, nil)
	if err != nil {
		return err
	}
	hc := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := hc.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

func TestDPoP_AtTheCertifiedServer(t *testing.T) {
	t.Parallel()
	p, s := startKeyless(t)
	for name, auth := range map[string]oauth2grant.ClientAuth{
		"a public client":                    oauth2grant.Public("dpop"),
		"a client with a key, as FAPI wants": privateKeyJWT(p),
	} {
		t.Run(name, func(t *testing.T) {
			cfg := s.config(auth, personal...)
			cfg.Proof = newProver(t)
			g := newGrant(t, oauth2grant.AuthCode{
				Open:   withoutABrowser,
				Params: url.Values{"login_hint": {"auto:alice"}},
			}, cfg)
			first := tokenOf(t, g)
			if first.TokenType != "DPoP" || first.RefreshToken == "" {
				t.Fatalf("got %v", first)
			}
			second, err := g.RefreshToken(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if second.AccessToken == first.AccessToken || second.TokenType != "DPoP" {
				t.Errorf("after a refresh: %v", second)
			}
			if u, err := g.Client().UserInfo(t.Context(), second.AccessToken); err != nil || u.Subject != "alice" {
				t.Errorf("user info: %v, %v", u, err)
			}
			api := &http.Client{Transport: g.Transport(&http.Transport{DisableKeepAlives: true})}
			for range 10 {
				res, err := api.Get(s.issuer + "/me?a=b")
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					t.Errorf("the API answers %d", res.StatusCode)
				}
			}
			cfg.Proof = newProver(t)
			c, err := oauth2grant.NewClient(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseIdleConnections()
			if u, err := c.UserInfo(t.Context(), second.AccessToken); !errors.Is(err, oauth2grant.InvalidToken) {
				t.Errorf("with another key: %v, %v", u, err)
			}
		})
	}
}
