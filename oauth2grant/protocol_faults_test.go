package oauth2grant_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// issued is a token of the server that no grant has.
func (w world) issued() oauth2grant.Token {
	access, refresh, life := w.srv.Issue("client", "alice", "read")
	return oauth2grant.Token{
		AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", Scope: "read",
		Expiry: time.Now().Add(life).UTC(),
	}
}

// unsaved returns a grant whose last refresh could not be saved.
func (w world) unsaved(cfg oauth2grant.Config) (*oauth2grant.Grant, oauth2grant.Token) {
	w.Helper()
	g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
	w.ensure(g)
	w.b.loseAnswers()
	t, err := g.RefreshToken(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return g, t
}

func TestStore_ANoticeBringsBackNothingThatAnUnsavedTokenWasMadeFrom(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		cfg := w.config()
		cfg.Store = notifying{store{w.b}, 1}
		g, latest := w.unsaved(cfg)
		w.b.set(func() { w.b.notify[1]() })
		synctest.Wait()
		if w.token(g) != latest || g.Status().Err == nil {
			t.Error("the old token is back, or the save is forgotten")
		}
	})
}

func TestClose_TriesOnceMoreToSaveWhatWaitsForIt(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		g, latest := w.unsaved(w.config())
		w.b.set(func() { w.b.onSave = nil })
		_ = g.Close()
		if w.b.get() != latest {
			t.Error("the rotated refresh token is lost")
		}
	})
}

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

func TestStore_ALockHeldForLongCostsNobodyAUsableToken(t *testing.T) {
	inWorld(t, granttest.Config{Lifetime: time.Hour}, func(w world) {
		w.seed()
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		w.ensure(g)
		_, unlock, err := store{w.b}.Lock(w.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(59 * time.Minute)
		start := time.Now()
		w.ensure(g)
		if s := g.Status(); time.Since(start) > 0 || s.Failures == 0 || s.Err == nil {
			t.Errorf("a call waited for %v; status: %+v", time.Since(start), s)
		}
		unlock()
		time.Sleep(time.Minute)
		w.ensure(g)
	})
}

func TestStore_ADiscoveryThatHangsLocksNobodyOut(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		seeded := w.seed()
		cfg := w.config()
		cfg.Server = oauth2grant.Server{Issuer: w.srv.Issuer()}
		for _, e := range []granttest.Endpoint{granttest.Discovery, granttest.OpenIDConfiguration} {
			w.srv.Break(e, granttest.Fault{Hang: true})
		}
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
		time.Sleep(2 * time.Hour)
		start := time.Now()
		w.mustFail(g.EnsureActiveToken(w.Context()), context.DeadlineExceeded)
		if took := time.Since(start); took > 35*time.Second {
			t.Errorf("it took %v", took)
		}
		w.srv.Heal(granttest.Discovery)
		time.Sleep(2 * time.Minute)
		w.ensure(g)
		if w.b.get() == seeded {
			t.Error("nothing was renewed")
		}
	})
}

func TestSignIn_WhoComesDuringItKeepsItGoing(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		p := &person{srv: w.srv, run: func(ctx context.Context) error {
			select {
			case <-time.After(time.Minute):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		g := newGrant(w.T, p, w.config())
		first, leave := context.WithTimeout(w.Context(), 30*time.Second)
		defer leave()
		left := make(chan error, 1)
		go func() { left <- g.EnsureActiveToken(first) }()
		time.Sleep(10 * time.Second)
		_, err := g.RefreshToken(w.Context())
		w.mustFail(err, oauth2grant.ErrLoginRequired) // at once: a person is being asked
		w.ensure(g)
		w.mustFail(<-left, context.DeadlineExceeded)
		if n := p.tabs.Load(); n != 1 {
			t.Errorf("%d tabs were opened", n)
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

func TestStore_ATokenOfATypeThatTheGrantCannotUseIsRefreshed(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		w.b.set(func() { w.b.token.TokenType = "DPoP" })
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, w.config())
		if got := w.token(g); got.TokenType != "Bearer" || w.srv.Count(granttest.Token) != 1 {
			t.Errorf("the token is %v", got)
		}
	})
}

func TestStore_ATokenStaysReadableWhateverAServerAdds(t *testing.T) {
	for _, extra := range []map[string]any{
		{"expiry": 1712345678},
		{"Scope": []string{"a"}},
		{"Expires_In": "3600"},
		{"EXPIRY": "never"},
		{"not_before_policy": 0},
	} {
		inWorld(t, granttest.Config{}, func(w world) {
			w.srv.Script(granttest.Token, granttest.Fault{Edit: func(answer map[string]any) {
				for name, value := range extra {
					answer[name] = value
				}
			}})
			got := w.token(newGrant(w.T, oauth2grant.Password{Username: "alice", Password: "wonderland"}, w.config()))
			text, err := json.Marshal(got)
			var back oauth2grant.Token
			if err = errors.Join(err, json.Unmarshal(text, &back)); err != nil || back != got {
				t.Errorf("%v: %v", extra, err)
			}
		})
	}
}

func TestStore_TheSubscriptionEndsWithTheContextOfTheGrant(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		cfg := w.config()
		cfg.Store = notifying{store{w.b}, 1}
		ctx, end := context.WithCancel(w.Context())
		g, err := oauth2grant.New(ctx, oauth2grant.RefreshOnly{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		end()
		synctest.Wait()
		if len(w.b.notify) != 0 {
			t.Error("the subscription is still there")
		}
		w.mustFail(g.EnsureActiveToken(w.Context()), oauth2grant.ErrClosed, context.Canceled)
	})
}

func TestStore_ANoticeIsNotForgottenWhileItCannotBeRead(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		cfg := w.config()
		cfg.Store = notifying{store{w.b}, 1}
		g := newGrant(w.T, oauth2grant.RefreshOnly{}, cfg)
		w.ensure(g)
		w.b.set(func() {
			w.b.onLoad = func() error { return errStoreDown }
			w.b.token, w.b.full = oauth2grant.Token{}, false // somebody signs out
			w.b.notify[1]()
		})
		synctest.Wait()
		w.ensure(g) // a store that is down costs nobody a usable token
		if !errors.Is(g.Status().Err, errStoreDown) {
			t.Errorf("status: %+v", g.Status())
		}
		w.b.set(func() { w.b.onLoad = nil })
		time.Sleep(time.Minute)
		w.mustFail(g.EnsureActiveToken(w.Context()), oauth2grant.ErrLoginRequired)
	})
}
