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
