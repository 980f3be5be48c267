package oauth2grant_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// late is a store whose next Load, if it is to be slow, takes 5 s to return
// what it has read at once.
type late struct {
	store
	slow *atomic.Bool
}

func (l late) Load(ctx context.Context) (oauth2grant.Token, error) {
	t, err := l.store.Load(ctx)
	if l.slow.CompareAndSwap(true, false) {
		time.Sleep(5 * time.Second)
	}
	return t, err
}

// TestGlance_AdoptsNothingThatWasReplacedMeanwhile has a caller read the store
// while an explicit call is under way, and use what it has read after that.
func TestGlance_AdoptsNothingThatWasReplacedMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		first bool // the grant holds the token before
		call  func(w world, g *oauth2grant.Grant) (want oauth2grant.Token)
	}{
		"Revoke": {true, func(w world, g *oauth2grant.Grant) oauth2grant.Token {
			w.srv.Script(granttest.Revocation, granttest.Fault{DelayAnswer: time.Second})
			if err := g.Revoke(w.Context()); err != nil {
				w.Error(err)
			}
			return oauth2grant.Token{}
		}},
		"SetToken": {false, func(w world, g *oauth2grant.Grant) oauth2grant.Token {
			w.b.set(func() { w.b.onSave = func() error { time.Sleep(time.Second); return nil } })
			set := w.issued()
			if err := g.SetToken(w.Context(), set); err != nil {
				w.Error(err)
			}
			return set
		}},
		"FetchToken": {false, func(w world, g *oauth2grant.Grant) oauth2grant.Token {
			w.b.set(func() { w.b.onSave = func() error { time.Sleep(time.Second); return nil } })
			fetched, err := g.FetchToken(w.Context())
			if err != nil {
				w.Error(err)
			}
			return fetched
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, granttest.Config{}, func(w world) {
				w.seed()
				l := late{store{w.b}, new(atomic.Bool)}
				cfg := w.config()
				cfg.Store = l
				g := newGrant(w.T, oauth2grant.Password{Username: "alice", Password: "wonderland"}, cfg)
				if c.first {
					w.ensure(g)
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					time.Sleep(500 * time.Millisecond) // the call has begun
					l.slow.Store(true)
					ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
					defer cancel()
					_ = g.EnsureActiveToken(ctx)
				}()
				want := c.call(w, g)
				<-done
				synctest.Wait()
				if got := w.token(g); name != "Revoke" && got.AccessToken != want.AccessToken {
					t.Error("another token is held than the one that the call has put there")
				} else if name == "Revoke" && !w.srv.Active(got.AccessToken) {
					t.Error("the revoked token is held again")
				}
			})
		})
	}
}
