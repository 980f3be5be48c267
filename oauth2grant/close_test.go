package oauth2grant_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestClose_DoesNotDropARefreshThatIsAnswered(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer time.Duration
		end    func(context.CancelFunc, *oauth2grant.Grant)
		saved  bool
	}{
		{
			"within 10 s of Close", 9900 * time.Millisecond, func(_ context.CancelFunc, g *oauth2grant.Grant) {
				_ = g.Close()
			}, true,
		},
		{
			"within 10 s of the end of its context", 9900 * time.Millisecond,
			func(stop context.CancelFunc, g *oauth2grant.Grant) { stop(); _ = g.Close() }, true,
		},
		{"too late", 11 * time.Second, func(_ context.CancelFunc, g *oauth2grant.Grant) { _ = g.Close() }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, granttest.Config{}, func(w world) {
				seeded := w.seed()
				ctx, stop := context.WithCancel(w.Context())
				defer stop()
				g, err := oauth2grant.New(ctx, oauth2grant.RefreshOnly{}, w.config())
				if err != nil {
					t.Fatal(err)
				}
				w.ensure(g)
				w.srv.Script(granttest.Token, granttest.Fault{DelayAnswer: c.answer})
				waiting := make(chan error, 1)
				go func() { waiting <- failureOf(g.RefreshToken(context.WithoutCancel(w.Context()))) }()
				synctest.Wait()
				start := time.Now()
				c.end(stop, g)
				if took := time.Since(start); took > 10*time.Second+10*time.Millisecond {
					t.Errorf("Close took %v", took)
				}
				w.mustFail(<-waiting, oauth2grant.ErrClosed)
				if saved := !same(w.b.get(), seeded); saved != c.saved {
					t.Errorf("saved: %v, want %v", saved, c.saved)
				}
			})
		})
	}
}

func TestClose_WithoutAStoreWaitsForNoAnswer(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		cfg := w.config()
		cfg.Store = nil
		g := newGrant(w.T, oauth2grant.ClientCredentials{}, cfg)
		w.srv.Break(granttest.Token, granttest.Fault{Hang: true})
		waiting := make(chan error, 1)
		go func() { waiting <- g.EnsureActiveToken(context.Background()) }()
		synctest.Wait()
		start := time.Now()
		_ = g.Close()
		if took := time.Since(start); took > 0 {
			t.Errorf("Close took %v", took)
		}
		w.mustFail(<-waiting, oauth2grant.ErrClosed)
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
