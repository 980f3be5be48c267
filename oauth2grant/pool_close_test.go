package oauth2grant_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestPool_Close(t *testing.T) {
	t.Run("it waits for users and closes every grant", func(t *testing.T) {
		inPool(t, oauth2grant.PoolConfig{}, func(t *testing.T, _ *granttest.Server, _ *opener, p *intPool) {
			idle := use(t, p, 1)
			inUse, release := hold(t, p, 2)
			var closed atomic.Bool
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { _ = p.Close(); closed.Store(true) })
			}
			synctest.Wait()
			if closed.Load() {
				t.Error("Close did not wait for the grant in use")
			}
			wantIs(t, p.Use(t.Context(), 1, func(*oauth2grant.Grant) error { return nil }), oauth2grant.ErrClosed)
			wantIs(t, p.Use(t.Context(), 3, func(*oauth2grant.Grant) error { return nil }), oauth2grant.ErrClosed)
			p.Forget(2)
			release()
			wg.Wait()
			if !isClosed(idle) || !isClosed(inUse) {
				t.Error("a grant is still open")
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("it lets a use go on", func(t *testing.T) {
		inPool(t, oauth2grant.PoolConfig{}, func(t *testing.T, srv *granttest.Server, _ *opener, p *intPool) {
			var wg sync.WaitGroup
			if err := p.Use(t.Context(), 1, func(g *oauth2grant.Grant) error {
				wg.Go(func() { _ = p.Close() })
				synctest.Wait()
				_, err := g.RefreshToken(t.Context())
				return err
			}); err != nil || srv.Count(granttest.Token) != 1 {
				t.Errorf("got %v, %d token requests", err, srv.Count(granttest.Token))
			}
			wg.Wait()
		})
	})
	t.Run("it sends home who waits for a place or an opening", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOpener(t, granttest.New(granttest.Config{Users: users(3)}))
			p := newPool(t, func(ctx context.Context, key int) (*oauth2grant.Grant, error) {
				<-ctx.Done()
				return o.open(context.WithoutCancel(ctx), key) // an open that does not notice
			}, oauth2grant.PoolConfig{MaxLive: 1})
			var wg sync.WaitGroup
			for key := range 2 {
				wg.Go(func() {
					wantErr := p.Use(context.Background(), key, func(*oauth2grant.Grant) error { return nil })
					if !errors.Is(wantErr, oauth2grant.ErrClosed) {
						t.Errorf("key %d got %v", key, wantErr)
					}
				})
			}
			synctest.Wait()
			_ = p.Close()
			wg.Wait()
		})
	})
	t.Run("the end of its context says why", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			o := newOpener(t, granttest.New(granttest.Config{Users: users(3)}))
			why := errors.New("shutting down")
			ctx, end := context.WithCancelCause(t.Context())
			p := oauth2grant.NewPool(ctx, o.open, oauth2grant.PoolConfig{MaxLive: 1})
			g, release := hold(t, p, 1)
			waiting := make(chan error)
			go func() { waiting <- p.Use(context.Background(), 2, func(*oauth2grant.Grant) error { return nil }) }()
			synctest.Wait()
			end(why)
			for _, err := range []error{
				<-waiting, p.Use(t.Context(), 1, func(*oauth2grant.Grant) error { return nil }),
			} {
				wantIs(t, err, oauth2grant.ErrClosed)
				wantIs(t, err, why)
			}
			release()
			_ = p.Close()
			if !isClosed(g) {
				t.Error("the grant is still open")
			}
		})
	})
}
