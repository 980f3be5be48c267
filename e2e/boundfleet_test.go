package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/servers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// bound is a public client: its refresh tokens are bound to the key, too.
var bound = oauth2grant.Public("dpop")

// TestDPoP_AFleetKeepsOneKey lets 1,000 goroutines in 20 processes live on one
// sign-in whose tokens are bound to a key (RFC 9449). Each process has made a
// key of its own at its start, and uses that in the store.
func TestDPoP_AFleetKeepsOneKey(t *testing.T) {
	const life = 2 * fleetLife
	for i, under := range stores {
		t.Run(under.name, func(t *testing.T) {
			t.Parallel()
			s, c := rotatingWithProofs(t, life), under.at(t)
			key := s.signInBound(t, c)
			fleetLives(t, s, c, spec{Own: true, Bound: true}, life, fleetTimeOf(i+1))
			if got := keyOf(t, c.get(t)); got != key {
				t.Errorf("the token is bound to the key %q now, was to %q", got, key)
			}
			var binding struct {
				Key string `json:"jkt"`
			}
			said := s.inspect(t, c.get(t).RefreshToken)
			if _, err := said.Extra("cnf", &binding); err != nil || binding.Key != key {
				t.Errorf("the server knows it by the key %q, %v", binding.Key, err)
			}
		})
	}
}

// rotatingWithProofs is the certified server. Of its refusals, those that ask
// for another nonce are part of the protocol (RFC 9449 §8).
func rotatingWithProofs(t *testing.T, announced time.Duration) rotating {
	t.Helper()
	p := servers.StartOIDCProvider(t, servers.Options{AccessTokenLifetime: announced})
	nonces := func(s servers.Stats) int { return s.Errors["use_dpop_nonce"] }
	return rotating{
		&authServer{oidcProvider, p.Issuer(), func() int { s := p.Stats(t); return s.TokenRequests - nonces(s) }},
		func() int { s := p.Stats(t); return s.Refusals - nonces(s) },
	}
}

// signInBound signs alice in, and leaves the token in the store. It returns the
// thumbprint of the key.
func (s rotating) signInBound(t *testing.T, c common) string {
	t.Helper()
	cfg := s.config(bound, personal...)
	prover := newProver(t)
	cfg.Proof, cfg.Store = prover, c
	params := consent()
	params.Set("login_hint", "auto:alice")
	g, err := oauth2grant.New(t.Context(), oauth2grant.AuthCode{Open: withoutABrowser, Params: params}, cfg)
	must(t, err)
	defer g.Close()
	must(t, g.EnsureActiveToken(t.Context()))
	return prover.Thumbprint()
}

// keyOf returns the thumbprint of the key that a stored token is bound to.
func keyOf(t *testing.T, token oauth2grant.Token) string {
	t.Helper()
	text, err := json.Marshal(token)
	must(t, err)
	var record struct {
		Own struct {
			Key struct {
				Thumbprint string `json:"jkt"`
			} `json:"dpop"`
		} `json:"oauth2grant"`
	}
	must(t, json.Unmarshal(text, &record))
	return record.Own.Key.Thumbprint
}
