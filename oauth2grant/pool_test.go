package oauth2grant_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestPool_AThousandCallersOfOneKeyShareOneGrant(t *testing.T) {
	for _, full := range []bool{false, true} {
		t.Run(fmt.Sprintf("the pool is full: %t", full), func(t *testing.T) {
			cfg := oauth2grant.PoolConfig{MaxLive: 10}
			inPool(t, cfg, func(t *testing.T, srv *granttest.Server, o *opener, p *intPool) {
				if full {
					for key := range 10 {
						use(t, p, 50+key)
					}
				}
				before := o.opened.Load()
				atOnce(1000, func(int) {
					if err := p.PrepareRequest(t.Context(), 1, http.Header{}); err != nil {
						t.Error(err)
					}
				})
				if n := o.opened.Load() - before; n != 1 {
					t.Errorf("%d grants were opened", n)
				}
				if n := srv.Count(granttest.Token); n != 1 {
					t.Errorf("%d tokens were asked for", n)
				}
				if full { // one of the others, not all of them, made room
					for key := range 9 {
						use(t, p, 51+key)
					}
					if n := o.opened.Load() - before; n != 1 {
						t.Errorf("%d grants were evicted for one", n)
					}
				}
			})
		})
	}
}

func TestPool_TheGrantUnusedForTheLongestMakesRoom(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 3}, func(t *testing.T, _ *granttest.Server, o *opener, p *intPool) {
		one, two, three := use(t, p, 1), use(t, p, 2), use(t, p, 3)
		use(t, p, 1)
		use(t, p, 4)
		if isClosed(one) || !isClosed(two) || isClosed(three) {
			t.Errorf("closed are: 1 %t, 2 %t, 3 %t; only 2 should be", isClosed(one), isClosed(two), isClosed(three))
		}
		if o.opened.Load() != 4 {
			t.Errorf("%d grants were opened", o.opened.Load())
		}
	})
}

func TestPool_ClosesAGrantUnusedForLong(t *testing.T) {
	cfg := oauth2grant.PoolConfig{IdleAfter: time.Minute}
	inPool(t, cfg, func(t *testing.T, _ *granttest.Server, _ *opener, p *intPool) {
		first := use(t, p, 1)
		pass(30 * time.Second)
		second := use(t, p, 2)
		inUse, release := hold(t, p, 3)
		pass(29 * time.Second)
		if isClosed(first) {
			t.Error("closed too early")
		}
		pass(time.Second)
		if !isClosed(first) || isClosed(second) {
			t.Errorf("after its minute: the first is closed %t, the second %t", isClosed(first), isClosed(second))
		}
		pass(time.Hour)
		if !isClosed(second) || isClosed(inUse) {
			t.Errorf("after an hour: the idle one is closed %t, the one in use %t", isClosed(second), isClosed(inUse))
		}
		release()
		pass(time.Minute)
		if !isClosed(inUse) {
			t.Error("the last one is not closed a minute after its use")
		}
	})
}

func TestPool_ClosesNoGrantInUse(t *testing.T) {
	cfg := oauth2grant.PoolConfig{MaxLive: 1, IdleAfter: time.Minute}
	inPool(t, cfg, func(t *testing.T, _ *granttest.Server, _ *opener, p *intPool) {
		g, release := hold(t, p, 1)
		other, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		wantIs(t, p.Use(other, 2, func(*oauth2grant.Grant) error { return nil }), context.DeadlineExceeded)
		p.Forget(1)
		synctest.Wait()
		if isClosed(g) {
			t.Error("the grant was closed under its user")
		}
		waiting := make(chan error)
		go func() { waiting <- p.Use(t.Context(), 2, func(*oauth2grant.Grant) error { return nil }) }()
		synctest.Wait()
		release()
		if err := <-waiting; err != nil {
			t.Errorf("who waited for the place got %v", err)
		}
		if !isClosed(g) {
			t.Error("the forgotten grant was not closed after its use")
		}
	})
}

func TestPool_WhoWaitsLongestForAPlaceIsFirst(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 1}, func(t *testing.T, _ *granttest.Server, o *opener, p *intPool) {
		_, release := hold(t, p, 0)
		var order []int
		var wg sync.WaitGroup
		left, leave := context.WithCancel(t.Context())
		for key := 1; key <= 4; key++ {
			ctx := t.Context()
			if key == 2 {
				ctx = left
			}
			wg.Go(func() {
				err := p.Use(ctx, key, func(*oauth2grant.Grant) error { order = append(order, key); return nil })
				if (err != nil) != (key == 2) {
					t.Errorf("key %d: %v", key, err)
				}
			})
			synctest.Wait()
		}
		leave() // nobody waits for 2 any more: it takes no place
		synctest.Wait()
		release()
		wg.Wait()
		if fmt.Sprint(order) != "[1 3 4]" {
			t.Errorf("the order was %v", order)
		}
		if n := o.opened.Load(); n != 4 {
			t.Errorf("%d grants were opened, want one for each key that got its turn", n)
		}
	})
}

func TestPool_AfterForgetAnotherGrantIsOpened(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{}, func(t *testing.T, _ *granttest.Server, _ *opener, p *intPool) {
		g := use(t, p, 1)
		p.Forget(1)
		p.Forget(1)
		p.Forget(2)
		if use(t, p, 1) == g || !isClosed(g) {
			t.Error("the forgotten grant is still there")
		}
		held, release := hold(t, p, 1)
		p.Forget(1)
		if use(t, p, 1) == held {
			t.Error("the forgotten grant was given to another user")
		}
		release()
		synctest.Wait()
		if !isClosed(held) {
			t.Error("the forgotten grant was not closed after its use")
		}
	})
}

func TestPool_TheErrorOfOpenGoesToAllWhoWaitAndIsNotRemembered(t *testing.T) {
	errOpen := errors.New("no such user")
	for name, refuse := range map[string]struct {
		open func() (*oauth2grant.Grant, error)
		is   error
	}{
		"open fails":          {func() (*oauth2grant.Grant, error) { return nil, errOpen }, errOpen},
		"open gives nothing":  {func() (*oauth2grant.Grant, error) { return nil, nil }, nil},
		"open never returns":  {func() (*oauth2grant.Grant, error) { runtime.Goexit(); return nil, nil }, nil},
		"open fails too late": {nil, errOpen}, // with a grant
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOpener(t, granttest.New(granttest.Config{Users: users(3)}))
				var failing atomic.Bool
				var unwanted *oauth2grant.Grant
				failing.Store(true)
				p := newPool(t, func(ctx context.Context, key int) (*oauth2grant.Grant, error) {
					if !failing.Load() {
						return o.open(ctx, key)
					}
					time.Sleep(time.Second)
					o.opened.Add(1)
					if refuse.open != nil {
						return refuse.open()
					}
					g, err := o.open(ctx, key)
					o.opened.Add(-1)
					unwanted = g
					return g, errors.Join(err, errOpen)
				}, oauth2grant.PoolConfig{MaxLive: 1})
				atOnce(100, func(int) {
					err := p.Use(t.Context(), 1, func(*oauth2grant.Grant) error {
						t.Error("there was a grant")
						return nil
					})
					if err == nil || refuse.is != nil && !errors.Is(err, refuse.is) {
						t.Errorf("got %v", err)
					}
				})
				if n := o.opened.Load(); n != 1 {
					t.Errorf("open was called %d times", n)
				}
				failing.Store(false)
				use(t, p, 1)
				use(t, p, 2) // the place of the failure is free, too
				if unwanted != nil && !isClosed(unwanted) {
					t.Error("the grant that came with an error was not closed")
				}
			})
		})
	}
}

func TestPool_WhoLeavesDoesNotStopTheOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOpener(t, granttest.New(granttest.Config{Users: users(3)}))
		p := newPool(t, func(ctx context.Context, key int) (*oauth2grant.Grant, error) {
			time.Sleep(time.Minute)
			return o.open(ctx, key)
		}, oauth2grant.PoolConfig{})
		errLeave := errors.New("gone home")
		ctx, leave := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { leave(errLeave) })
		err := p.Use(ctx, 1, func(*oauth2grant.Grant) error { return nil })
		wantIs(t, err, context.Canceled)
		wantIs(t, err, errLeave)
		pass(time.Hour) // opened, idle, and closed
		use(t, p, 1)
		if n := o.opened.Load(); n != 2 {
			t.Errorf("%d grants were opened, want 2", n)
		}
		if err := p.Use(ctx, 1, func(*oauth2grant.Grant) error { return nil }); err != nil {
			t.Errorf("a live grant with an ended context gave %v", err)
		}
		wantIs(t, p.Use(ctx, 2, func(*oauth2grant.Grant) error { return nil }), context.Canceled)
		if n := o.opened.Load(); n != 2 {
			t.Error("a grant was opened for an ended context")
		}
	})
}

func TestPool_OpensNoKeyWhileItsGrantIsBeingClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Users: users(3), Lifetime: time.Minute})
		o := newOpener(t, srv)
		p := newPool(t, o.open, oauth2grant.PoolConfig{MaxLive: 1})
		if err := p.PrepareRequest(t.Context(), 1, http.Header{}); err != nil {
			t.Fatal(err)
		}
		// Of the refresh that Close waits for, since it may rotate.
		srv.Script(granttest.Token, granttest.Fault{DelayAnswer: time.Second})
		first := use(t, p, 1)
		go func() { _, _ = first.RefreshToken(context.Background()) }()
		synctest.Wait()
		p.Forget(1)
		began := time.Now()
		if err := p.PrepareRequest(t.Context(), 1, http.Header{}); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < time.Second {
			t.Errorf("the next grant was opened after %v, before the last one had saved its token", waited)
		}
		if srv.ReuseDetected() != 0 {
			t.Error("a rotated refresh token was used again")
		}
	})
}

func TestPool_OverOneClientDiscoversOnce(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 5}, func(t *testing.T, srv *granttest.Server, _ *opener, p *intPool) {
		began := time.Now()
		atOnce(100, func(key int) {
			if err := p.PrepareRequest(t.Context(), key, http.Header{}); err != nil {
				t.Error(err)
			}
		})
		if n := srv.Count(granttest.Discovery) + srv.Count(granttest.OpenIDConfiguration); n != 1 {
			t.Errorf("%d discoveries", n)
		}
		if waited := time.Since(began); waited > 0 {
			t.Errorf("a hundred keys took their turns in five places only after %v", waited)
		}
	})
}

func TestPool_APanicInAUseLeavesItInOrder(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 1}, func(t *testing.T, _ *granttest.Server, _ *opener, p *intPool) {
		func() {
			defer func() { _ = recover() }()
			_ = p.Use(t.Context(), 1, func(*oauth2grant.Grant) error { panic("in f") })
		}()
		use(t, p, 2)
		errF := errors.New("from f")
		wantIs(t, p.Use(t.Context(), 2, func(*oauth2grant.Grant) error { return errF }), errF)
	})
}
