package e2e

import (
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// TestAPersonAllowsATransfer asks for what no scope can say (RFC 9396), at one
// API (RFC 8707), by a pushed request. A refresh is for the same API.
func TestAPersonAllowsATransfer(t *testing.T) {
	t.Parallel()
	s := startOIDCProvider(t, settings{})
	const resource = "https://api.example.test/"
	cfg := s.config(native, personal...)
	cfg.Params = map[string][]string{"resource": {resource}}
	cfg.PushedAuthorization = true
	params := unasked()
	params.Set("authorization_details", `[{"type":"transfer","amount":"12.00"}]`)
	g := newGrant(t, oauth2grant.AuthCode{Open: withoutABrowser, Params: params}, cfg)
	first := tokenOf(t, g)
	var granted []struct{ Type, Amount string }
	if _, err := first.Extra("authorization_details", &granted); err != nil || len(granted) != 1 ||
		granted[0].Type != "transfer" || granted[0].Amount != "12.00" {
		t.Errorf("granted %v, %v", granted, err)
	}
	second, err := g.RefreshToken(t.Context())
	must(t, err)
	for _, token := range []oauth2grant.Token{first, second} {
		var claims struct{ Aud string }
		if readClaims(t, token.AccessToken, &claims); claims.Aud != resource {
			t.Errorf("the token is for %q", claims.Aud)
		}
	}
}
