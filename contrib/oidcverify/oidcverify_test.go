package oidcverify_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/contrib/oidcverify"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuer = "https://login.example"

// provider is an OpenID Provider within this process.
type provider struct {
	t        *testing.T
	key      *rsa.PrivateKey
	metadata map[string]any
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &provider{t, key, map[string]any{
		"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
		"jwks_uri": issuer + "/jwks", "end_session_endpoint": issuer + "/logout?tenant=a",
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
	}}
}

func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	var answer any = p.metadata
	if r.URL.Path == "/jwks" {
		answer = jose.JSONWebKeySet{
			Keys: []jose.JSONWebKey{{Key: &p.key.PublicKey, KeyID: "k", Algorithm: "RS256", Use: "sig"}},
		}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(text))), Request: r,
	}, nil
}

func (p *provider) verifier() *oidcverify.Verifier {
	p.t.Helper()
	hc := &http.Client{Transport: p}
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: issuer},
		Auth:       oauth2grant.SecretBasic("client", "client-secret-of-32-characters-ok"),
		HTTPClient: hc, Scopes: []string{"openid"},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	v, err := oidcverify.New(client, oidcverify.Config{HTTPClient: hc})
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

func (p *provider) sign(alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	p.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key},
		(&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		p.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

const access = "the-access-token"

func good() map[string]any {
	sum := sha256.Sum256([]byte(access))
	return map[string]any{
		"iss": issuer, "aud": "client", "sub": "alice", "nonce": "the-nonce",
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
		"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
}

func TestVerifier(t *testing.T) {
	p := newProvider(t)
	v := p.verifier()
	verify := func(text string) error {
		return v.SignIn(t.Context(), oauth2grant.Authorization{Nonce: "the-nonce"},
			oauth2grant.Token{AccessToken: access, IDToken: text})
	}
	for name, c := range map[string]struct {
		change map[string]any
		ok     bool
	}{
		"takes what is in order":    {ok: true},
		"takes one without at_hash": {map[string]any{"at_hash": nil}, true},
		"takes several audiences with azp": {
			map[string]any{"aud": []string{"client", "api"}, "azp": "client"}, true,
		},
		"takes a clock that is a little ahead": {map[string]any{"iat": time.Now().Add(30 * time.Second).Unix()}, true},
		"refuses another issuer":               {change: map[string]any{"iss": "https://evil.example"}},
		"refuses another audience":             {change: map[string]any{"aud": "another"}},
		"refuses several audiences alone":      {change: map[string]any{"aud": []string{"client", "api"}}},
		"refuses another authorized party":     {change: map[string]any{"azp": "another"}},
		"refuses another nonce":                {change: map[string]any{"nonce": "of-another-sign-in"}},
		"refuses no nonce":                     {change: map[string]any{"nonce": nil}},
		"refuses another at_hash":              {change: map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
		"refuses no subject":                   {change: map[string]any{"sub": nil}},
		"refuses what has expired":             {change: map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}},
		"refuses what is of the future":        {change: map[string]any{"iat": time.Now().Add(time.Hour).Unix()}},
		"refuses what is not valid yet":        {change: map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}},
	} {
		t.Run(name, func(t *testing.T) {
			claims := good()
			maps.Copy(claims, c.change)
			maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
			if err := verify(p.sign(jose.RS256, p.key, claims)); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestVerifier_Signature(t *testing.T) {
	p, other := newProvider(t), newProvider(t)
	v := p.verifier()
	encode := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	real := p.sign(jose.RS256, p.key, good())
	parts := strings.Split(real, ".")
	for name, text := range map[string]string{
		"of another key":                other.sign(jose.RS256, other.key, good()),
		"by the client secret":          p.sign(jose.HS256, []byte("client-secret-of-32-characters-ok"), good()),
		"by the public key as secret":   p.sign(jose.HS256, p.key.N.Bytes(), good()),
		"by an algorithm not offered":   p.sign(jose.PS256, p.key, good()),
		"none":                          encode(map[string]any{"alg": "none"}) + "." + encode(good()) + ".",
		"of other claims":               parts[0] + "." + encode(good()) + "x." + parts[2],
		"missing":                       parts[0] + "." + parts[1] + ".",
		"of what is no token":           "MARK",
		"of what is large and no token": strings.Repeat("MARK.", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			id, err := v.Verify(t.Context(), oauth2grant.Authorization{Nonce: "the-nonce"},
				oauth2grant.Token{AccessToken: access, IDToken: text})
			if err == nil || id != nil {
				t.Fatalf("taken: %v", id)
			}
			if strings.Contains(err.Error(), "MARK") || strings.Contains(err.Error(), parts[1]) {
				t.Errorf("it shows the ID token: %v", err)
			}
		})
	}
}

func TestVerifier_WithoutWhatItNeeds(t *testing.T) {
	p := newProvider(t)
	token := oauth2grant.Token{AccessToken: access, IDToken: p.sign(jose.RS256, p.key, good())}
	a := oauth2grant.Authorization{Nonce: "the-nonce"}
	err := p.verifier().SignIn(t.Context(), a, oauth2grant.Token{AccessToken: access})
	if !errors.Is(err, oidcverify.ErrNoIDToken) {
		t.Errorf("without an ID token: %v", err)
	}
	if err := p.verifier().SignIn(t.Context(), oauth2grant.Authorization{}, token); err == nil {
		t.Error("a request without a nonce is no protection, and was taken")
	}
	v, now := p.verifier(), good()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.SignIn(gone, a, token); !errors.Is(err, context.Canceled) {
		t.Errorf("after its ctx: %v", err)
	}
	err = v.SignIn(t.Context(), a, oauth2grant.Token{AccessToken: access, IDToken: p.sign(jose.RS256, p.key, now)})
	if err != nil {
		t.Errorf("a call that was given up spoils the next: %v", err)
	}
	for _, bad := range []any{
		nil, "", 7, "http://login.example/jwks", "https://u:p@login.example/jwks", "file:///etc/passwd",
		"http://127.0.0.1/jwks",
	} {
		p.metadata["jwks_uri"] = bad
		if err := p.verifier().SignIn(t.Context(), a, token); err == nil {
			t.Errorf("jwks_uri %v is taken", bad)
		}
	}
}

func TestNew_RefusesWhatIsUnusable(t *testing.T) {
	if _, err := oidcverify.New(nil, oidcverify.Config{}); err == nil {
		t.Error("no Client")
	}
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: issuer}, Auth: oauth2grant.Public("c"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []oidcverify.Config{
		{Algorithms: []string{"none"}}, {Algorithms: []string{"HS256"}}, {Leeway: -1},
	} {
		if _, err := oidcverify.New(client, cfg); err == nil {
			t.Errorf("taken: %+v", cfg)
		}
	}
}

func TestVerifier_LogoutURL(t *testing.T) {
	p := newProvider(t)
	token := oauth2grant.Token{IDToken: "the.id.token"}
	raw, err := p.verifier().LogoutURL(t.Context(), token, "https://app.example/", "s")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"tenant": {"a"}, "client_id": {"client"}, "id_token_hint": {"the.id.token"},
		"post_logout_redirect_uri": {"https://app.example/"}, "state": {"s"},
	}
	if u.Host != "login.example" || u.Path != "/logout" || u.Query().Encode() != want.Encode() {
		t.Errorf("got %s", raw)
	}
	raw, err = p.verifier().LogoutURL(t.Context(), oauth2grant.Token{}, "", "s")
	if err != nil || strings.Contains(raw, "state") || strings.Contains(raw, "hint") {
		t.Errorf("got %s, %v", raw, err)
	}
	for _, bad := range []any{nil, "javascript:alert(1)", "http://login.example/logout", "http://127.0.0.1/logout"} {
		p.metadata["end_session_endpoint"] = bad
		if got, err := p.verifier().LogoutURL(t.Context(), token, "", ""); err == nil {
			t.Errorf("%v is taken: %s", bad, got)
		}
	}
	delete(p.metadata, "end_session_endpoint")
	if _, err := p.verifier().LogoutURL(t.Context(), token, "", ""); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
