package granttest_test

import (
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// claimsOf verifies an ID token by the keys that the server shows.
func claimsOf(t *testing.T, srv *granttest.Server, text string) map[string]any {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(get(t, srv, srv.URL(granttest.JWKS)).Text), &set); err != nil {
		t.Fatal(err)
	}
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := token.Claims(&set, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestServer_IssuesAnIDTokenToWhoeverAsksForOne(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	f := form("grant_type", "password", "username", "alice", "password", "wonderland", "scope", "read")
	if text := post(t, srv, granttest.Token, f, confidential).get("id_token"); text != "" {
		t.Error("one that nobody asked for")
	}
	f.Set("scope", "openid read")
	answer := post(t, srv, granttest.Token, f, confidential)
	claims := claimsOf(t, srv, answer.get("id_token"))
	if claims["iss"] != srv.Issuer() || claims["sub"] != "alice" || claims["aud"] != "client" || claims["at_hash"] == nil {
		t.Errorf("got %v", claims)
	}
	srv.RotateSigningKey()
	again := claimsOf(t, srv, refresh(t, srv, answer.get("refresh_token")).get("id_token"))
	if again["sub"] != "alice" || again["auth_time"] != claims["auth_time"] || again["nonce"] != nil {
		t.Errorf("after a refresh: %v", again)
	}
	claimsOf(t, srv, answer.get("id_token")) // by the key before
}
