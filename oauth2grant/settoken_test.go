package oauth2grant_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestSetToken_WhatCannotBeSavedIsUsedAndSavedLater(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		g, _ := w.unsaved(w.config())
		set := w.issued()
		w.mustFail(g.SetToken(w.Context(), set), errStoreDown)
		if w.token(g) != set {
			t.Error("the token that was set is not used")
		}
		w.b.set(func() { w.b.onSave = nil })
		time.Sleep(2 * time.Minute)
		if w.b.get() != set || w.srv.ReuseDetected() > 0 {
			t.Error("the token that was set is not saved")
		}
	})
}

func TestSetToken_EndsASignInAndItsCallersGetTheToken(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		p := &person{srv: w.srv, run: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
		g := newGrant(w.T, p, w.config())
		got := make(chan error, 1)
		go func() { got <- g.EnsureActiveToken(w.Context()) }()
		synctest.Wait()
		set, start := w.issued(), time.Now()
		if err := g.SetToken(w.Context(), set); err != nil || time.Since(start) > 0 {
			t.Errorf("SetToken took %v: %v", time.Since(start), err)
		}
		if err := <-got; err != nil || w.token(g) != set || w.b.get() != set {
			t.Errorf("the caller that waited got %v", err)
		}
	})
}

func TestSetToken_ReplacesWhatIsUnderWayAndForgetsFailures(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		seeded := w.seed()
		w.srv.RevokeToken(seeded.RefreshToken)
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		time.Sleep(2 * time.Hour)
		w.mustFail(g.EnsureActiveToken(w.Context()), oauth2grant.ErrLoginRequired)
		access, refresh, life := w.srv.Issue("client", "alice")
		fresh := oauth2grant.Token{
			AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", Expiry: time.Now().Add(life).UTC(),
		}
		if err := g.SetToken(w.Context(), fresh); err != nil {
			t.Fatal(err)
		}
		if w.token(g) != fresh || w.b.get() != fresh {
			t.Error("the token that was set is not used, or not saved")
		}
		if s := g.Status(); s.State != oauth2grant.StateFresh || s.Err != nil {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestSetToken_WinsOverASlowFetch(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		p := &person{srv: w.srv, run: func(context.Context) error { time.Sleep(time.Minute); return nil }}
		g := newGrant(w.T, p, w.config())
		fetched := make(chan oauth2grant.Token, 1)
		go func() {
			got, err := g.FetchToken(w.Context())
			if err != nil {
				t.Error(err)
			}
			fetched <- got
		}()
		time.Sleep(time.Second)
		access, refresh, life := w.srv.Issue("client", "alice")
		set := oauth2grant.Token{
			AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", Expiry: time.Now().Add(life).UTC(),
		}
		if err := g.SetToken(w.Context(), set); err != nil {
			t.Fatal(err)
		}
		if got := <-fetched; got != set || w.token(g) != set || w.b.get() != set {
			t.Error("what was begun before SetToken replaced it")
		}
	})
}
