package granttest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign makes a JWS of claims.
func sign(t *testing.T, algorithm jose.SignatureAlgorithm, key any, typ string, embed bool,
	claims map[string]any,
) string {
	t.Helper()
	o := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// with returns claims with some of them changed; a nil value takes one away.
func with(claims, changes map[string]any) map[string]any {
	changed := maps.Clone(claims)
	maps.Copy(changed, changes)
	maps.DeleteFunc(changed, func(_ string, v any) bool { return v == nil })
	return changed
}

const clientAssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func TestServer_ChecksAssertionsThatAClientHasSigned(t *testing.T) {
	key, other := newKey(t), newKey(t)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one"}}})
	if err != nil {
		t.Fatal(err)
	}
	const secret = "a secret of at least thirty-two bytes"
	srv := granttest.New(granttest.Config{Clients: []granttest.Client{
		{ID: "key", Keys: string(set)},
		{ID: "secret", Secret: secret},
		{ID: "native"},
		{ID: "old", Keys: string(set), Audience: "https://auth.granttest.example/token"},
	}})
	const current, jwt = "client-authentication+jwt", "JWT"
	claims := map[string]any{
		"iss": "key", "sub": "key", "aud": srv.Issuer(), "jti": "1",
		"exp": time.Now().Add(time.Minute).Unix(),
	}
	signed := func(typ string, changes map[string]any) string {
		return sign(t, jose.ES256, key, typ, false, with(claims, changes))
	}
	for _, c := range []struct{ name, id, assertion, code string }{
		{"a good one", "key", signed(current, nil), ""},
		{"the same again", "key", signed(current, nil), "invalid_client"},
		{"no jti", "key", signed(current, map[string]any{"jti": nil}), "invalid_client"},
		{"an expired one", "key", signed(current, map[string]any{"jti": "2", "exp": 1}), "invalid_client"},
		{"one from the future", "key", signed(current, map[string]any{
			"jti": "2",
			"iat": time.Now().Add(time.Hour).Unix(),
		}), "invalid_client"},
		{"one for the token endpoint", "key", signed(current, map[string]any{
			"jti": "2",
			"aud": srv.URL(granttest.Token),
		}), "invalid_client"},
		{
			"one for two", "key", signed(current, map[string]any{"jti": "2", "aud": []string{srv.Issuer(), "x"}}),
			"invalid_client",
		},
		{"one of another type", "key", signed(jwt, map[string]any{"jti": "2"}), "invalid_client"},
		{
			"one of another client", "key", signed(current, map[string]any{"jti": "2", "sub": "secret"}),
			"invalid_client",
		},
		{"one with another key", "key", sign(t, jose.ES256, other, current, false, with(claims,
			map[string]any{"jti": "2"})), "invalid_client"},
		{"an unknown client", "nobody", signed(current, nil), "invalid_client"},
		{"no client", "", signed(current, nil), "invalid_client"},
		{"a public client", "native", signed(current, nil), "invalid_client"},
		{"garbage", "key", "garbage", "invalid_client"},
		{"a secret", "secret", sign(t, jose.HS256, []byte(secret), current, false, with(claims,
			map[string]any{"iss": "secret", "sub": "secret", "jti": "3"})), ""},
		{"an old server", "old", signed(jwt, map[string]any{
			"iss": "old", "sub": "old", "jti": "4",
			"aud": srv.URL(granttest.Token),
		}), ""},
	} {
		f := form("grant_type", "client_credentials", "client_id", c.id, "client_assertion_type", clientAssertionType,
			"client_assertion", c.assertion)
		if a := post(t, srv, granttest.Token, f); a.get("error") != c.code {
			t.Errorf("%s: answered %d %s, want error %q", c.name, a.Status, a.Text, c.code)
		}
	}
	if a := post(t, srv, granttest.Token, form("grant_type", "client_credentials", "client_id",
		"key")); a.get("error") != "invalid_client" {
		t.Errorf("a client with keys that sends nothing: %s", a.Text)
	}
}

func TestServer_IssuesTokensForAssertions(t *testing.T) {
	p := granttest.NewPlatform("https://platform.example")
	srv := granttest.New(granttest.Config{Identity: p.Trust("api"), RefreshFor: []string{}})
	const bearer, exchange = "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"urn:ietf:params:oauth:grant-type:token-exchange"
	const jwt, access = "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:access_token"
	old := p.Assertion("job", "api", nil)
	p.RotateKey()
	good := p.Assertion("job", "api", nil)
	mine, _, _ := srv.Issue("client", "alice")
	for _, c := range []struct {
		name, code string
		form       []string
	}{
		{"an assertion", "", []string{"grant_type", bearer, "assertion", good}},
		{"one of the key before", "", []string{"grant_type", bearer, "assertion", old}},
		{"no assertion", "invalid_request", []string{"grant_type", bearer}},
		{"another audience", "invalid_grant", []string{"grant_type", bearer, "assertion", p.Assertion("job", "other",
			nil)}},
		{"no subject", "invalid_grant", []string{"grant_type", bearer, "assertion", p.Assertion("job", "api",
			map[string]any{"sub": nil})}},
		{"another issuer", "invalid_grant", []string{"grant_type", bearer, "assertion", p.Assertion("job", "api",
			map[string]any{"iss": "x"})}},
		{"an expired one", "invalid_grant", []string{"grant_type", bearer, "assertion", p.Assertion("job", "api",
			map[string]any{"exp": 1})}},
		{"another platform's", "invalid_grant", []string{
			"grant_type", bearer, "assertion",
			granttest.NewPlatform("https://platform.example").Assertion("job", "api", nil),
		}},
		{"an exchange", "", []string{"grant_type", exchange, "subject_token", good, "subject_token_type", jwt}},
		{"an exchange of its own token", "", []string{
			"grant_type", exchange, "subject_token", mine,
			"subject_token_type", access,
		}},
		{"with an actor", "", []string{
			"grant_type", exchange, "subject_token", mine, "subject_token_type", access,
			"actor_token", good, "actor_token_type", jwt,
		}},
		{"with a bad actor", "invalid_request", []string{
			"grant_type", exchange, "subject_token", mine,
			"subject_token_type", access, "actor_token", "x", "actor_token_type", jwt,
		}},
		{"without a type", "invalid_request", []string{"grant_type", exchange, "subject_token", mine}},
		{"of an unknown token", "invalid_request", []string{
			"grant_type", exchange, "subject_token", "x",
			"subject_token_type", access,
		}},
	} {
		if a := post(t, srv, granttest.Token, form(c.form...), confidential); a.get("error") != c.code {
			t.Errorf("%s: answered %s, want error %q", c.name, a.Text, c.code)
		}
	}
	a := post(t, srv, granttest.Token, form("grant_type", exchange, "subject_token", mine, "subject_token_type",
		access, "requested_token_type", jwt), confidential)
	if a.get("token_type") != "N_A" || a.get("issued_token_type") != jwt {
		t.Errorf("answered %s", a.Text)
	}
	if a := post(t, granttest.New(granttest.Config{}), granttest.Token, form("grant_type", bearer, "assertion", good),
		confidential); a.get("error") != "invalid_grant" {
		t.Errorf("a server that trusts nobody: %s", a.Text)
	}
}

func TestPlatform_ServesItsKeys(t *testing.T) {
	p := granttest.NewPlatform("https://platform.example")
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/jwks", nil))
	body, _ := io.ReadAll(w.Body)
	if string(body) != p.JWKS() || strings.Contains(p.JWKS(), `"d"`) {
		t.Errorf("got %s", body)
	}
}

func TestServer_BindsTokensToTheKeyOfAProof(t *testing.T) {
	srv := granttest.New(granttest.Config{DPoPNonce: true})
	key, other := newKey(t), newKey(t)
	nonce, n := "", 0
	prove := func(key crypto.Signer, method, target, token string, changes map[string]any) func(*http.Request) {
		n++
		claims := map[string]any{
			"jti": string(rune('a' + n)), "htm": method, "htu": target, "iat": time.Now().Unix(),
			"nonce": nonce,
		}
		if token != "" {
			sum := sha256.Sum256([]byte(token))
			claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
		}
		proof := sign(t, jose.ES256, key, "dpop+jwt", true, with(claims, changes))
		return func(r *http.Request) { r.Header.Add("DPoP", proof) }
	}
	token, api := srv.URL(granttest.Token), srv.URL(granttest.Resource)
	password := form("grant_type", "password", "username", "alice", "password", "wonderland")
	at := func(key crypto.Signer, changes map[string]any) func(*http.Request) {
		return prove(key, "POST", token, "", changes)
	}

	a := post(t, srv, granttest.Token, password, confidential, at(key, nil))
	wantCode(t, a, "use_dpop_nonce")
	nonce = a.Header.Get("DPoP-Nonce")
	for name, changes := range map[string]map[string]any{
		"another method": {"htm": "GET"}, "another URL": {"htu": token + "2"}, "a query": {"htu": token + "?"},
		"an ath": {"ath": "x"}, "an old proof": {"iat": time.Now().Add(-time.Hour).Unix()}, "no jti": {"jti": nil},
	} {
		if a := post(t, srv, granttest.Token, password, confidential, at(key,
			changes)); a.get("error") != "invalid_dpop_proof" {
			t.Errorf("%s: answered %s", name, a.Text)
		}
	}
	again := at(key, nil)
	a = post(t, srv, granttest.Token, password, confidential, again)
	wantCode(t, a, "")
	if a.get("token_type") != "DPoP" {
		t.Errorf("answered %s", a.Text)
	}
	wantCode(t, post(t, srv, granttest.Token, password, confidential, again), "invalid_dpop_proof")
	wantCode(t, post(t, srv, granttest.Token, password, confidential, at(key, nil), at(key, nil)),
		"invalid_dpop_proof")

	access := a.get("access_token")
	dpop := func(r *http.Request) { r.Header.Set("Authorization", "DPoP "+access) }
	for name, c := range map[string]struct {
		edits []func(*http.Request)
		code  string
	}{
		"a proof":         {[]func(*http.Request){dpop, prove(key, "GET", api, access, nil)}, ""},
		"no proof":        {[]func(*http.Request){dpop}, "invalid_token"},
		"as a bearer":     {[]func(*http.Request){bearer(access)}, "invalid_token"},
		"another key":     {[]func(*http.Request){dpop, prove(other, "GET", api, access, nil)}, "invalid_token"},
		"without its ath": {[]func(*http.Request){dpop, prove(key, "GET", api, "", nil)}, "invalid_dpop_proof"},
		"without its nonce": {[]func(*http.Request){dpop, prove(key, "GET", api, access,
			map[string]any{"nonce": nil})}, "use_dpop_nonce"},
		"of another token's": {
			[]func(*http.Request){dpop, prove(key, "GET", api, "other", nil)},
			"invalid_dpop_proof",
		},
		"with the private key": {[]func(*http.Request){dpop, func(r *http.Request) {
			r.Header.Set("DPoP",
				"e30.e30.x")
		}}, "invalid_dpop_proof"},
	} {
		if a := get(t, srv, api, c.edits...); a.get("error") != c.code || (c.code == "") != (a.Status == 200) {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Text)
		}
	}
	refreshing := form("grant_type", "refresh_token", "refresh_token", a.get("refresh_token"))
	wantCode(t, post(t, srv, granttest.Token, refreshing, confidential, at(other, nil)), "invalid_grant")
	wantCode(t, post(t, srv, granttest.Token, refreshing, confidential), "invalid_grant")
	srv.RotateNonce()
	wantCode(t, post(t, srv, granttest.Token, refreshing, confidential, at(key, nil)), "use_dpop_nonce")
}
