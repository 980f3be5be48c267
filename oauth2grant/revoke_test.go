package oauth2grant_test

import (
	"net/http"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestRevoke_SaysThatTheStoreCouldNotBeRead(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		w.b.set(func() { w.b.onLoad = func() error { return errStoreDown } })
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		w.mustFail(g.Revoke(w.Context()), errStoreDown)
	})
}

func TestRevoke_WhatCouldNotBeDeletedDoesNotComeBack(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		w.ensure(g)
		w.b.set(func() { w.b.onSave = func() error { return errStoreDown } })
		w.mustFail(g.Revoke(w.Context()), errStoreDown)
		w.srv.Reset()
		w.mustFail(g.EnsureActiveToken(w.Context()), oauth2grant.ErrLoginRequired)
		if n := w.srv.Count(granttest.Token); n != 0 {
			t.Errorf("the revoked refresh token was sent %d times", n)
		}
	})
}

func TestRevoke_ForgetsBothTokensEvenIfTheServerFails(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		cfg := w.config()
		g := newGrant(w.T, oauth2grant.Password{Username: "alice", Password: "wonderland"}, cfg)
		first := w.token(g)
		if err := g.Revoke(w.Context()); err != nil {
			t.Fatal(err)
		}
		if w.srv.Active(first.AccessToken) || w.srv.Active(first.RefreshToken) {
			t.Error("the server still knows the tokens")
		}
		if s := g.Status(); s.State != oauth2grant.StateEmpty || w.srv.Count(granttest.Token) != 1 {
			t.Errorf("something was fetched: %+v", s)
		}
		w.ensure(g)
		w.srv.Break(granttest.Revocation, granttest.Error(http.StatusServiceUnavailable, "temporarily_unavailable", ""))
		w.mustFail(g.Revoke(w.Context()), oauth2grant.TemporarilyUnavailable)
		if w.b.get() != (oauth2grant.Token{}) || g.Status().Usable {
			t.Error("the token was kept since the server failed")
		}
	})
}
