package oauth2grant_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestPool_GivesOthersATurnBesideABusyKey(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 1}, func(t *testing.T, _ *granttest.Server, _ *opener, p *intPool) {
		ctx, stop := context.WithCancel(t.Context())
		var uses sync.WaitGroup
		for i := range 3 { // whose uses overlap, so that the grant is never idle
			uses.Go(func() {
				time.Sleep(time.Duration(i) * 30 * time.Millisecond)
				for ctx.Err() == nil {
					_ = p.Use(ctx, 1, func(*oauth2grant.Grant) error { time.Sleep(100 * time.Millisecond); return nil })
				}
			})
		}
		pass(time.Second)
		for key := 2; key < 5; key++ {
			began := time.Now()
			use(t, p, key)
			if waited := time.Since(began); waited > 100*time.Millisecond {
				t.Errorf("key %d waited %v, longer than the use that was under way", key, waited)
			}
			pass(50 * time.Millisecond)
		}
		stop()
		uses.Wait()
	})
}

// queued starts a use that has to wait; its grant, nil if there was none, comes
// through the channel.
func queued(ctx context.Context, p *intPool, key int) <-chan *oauth2grant.Grant {
	got := make(chan *oauth2grant.Grant, 1)
	go func() {
		var grant *oauth2grant.Grant
		_ = p.Use(ctx, key, func(g *oauth2grant.Grant) error { grant = g; return nil })
		got <- grant
	}()
	synctest.Wait()
	return got
}

func TestPool_ANewUseWaitsBehindThoseThatWaitForAPlace(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 2}, func(t *testing.T, _ *granttest.Server, o *opener, p *intPool) {
		first, leaveFirst := hold(t, p, 1)
		_, leaveSecond := hold(t, p, 2)
		third := queued(t.Context(), p, 3)
		again := queued(t.Context(), p, 1)
		if len(again) != 0 {
			t.Fatal("a use began although another key waits")
		}
		leaveSecond()
		if g := <-third; g == nil {
			t.Error("the key that waited had no turn")
		}
		if g := <-again; g != first || o.opened.Load() != 3 {
			t.Errorf("a live grant was not used again: %d were opened", o.opened.Load())
		}
		leaveFirst()
	})
}

func TestPool_ATurnThatNobodyWaitsForIsGivenUp(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 1}, func(t *testing.T, _ *granttest.Server, o *opener, p *intPool) {
		first, release := hold(t, p, 1)
		ctx, leave := context.WithCancel(t.Context())
		other := queued(ctx, p, 2)
		again := queued(t.Context(), p, 1)
		leave()
		if g := <-other; g != nil {
			t.Error("it was served after it had left")
		}
		if g := <-again; g != first {
			t.Error("who waited behind it did not go on at once")
		}
		release()
		pass(time.Hour)
		use(t, p, 1)
		if n := o.opened.Load(); n != 2 || !isClosed(first) {
			t.Errorf("%d grants were opened; the first was closed: %t", n, isClosed(first))
		}
	})
}

func TestPool_AForgottenKeyKeepsItsTurn(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 1}, func(t *testing.T, _ *granttest.Server, _ *opener, p *intPool) {
		first, release := hold(t, p, 1)
		other := queued(t.Context(), p, 2)
		again := queued(t.Context(), p, 1)
		p.Forget(1)
		release()
		if g := <-other; g == nil {
			t.Error("the other key had no turn")
		}
		if g := <-again; g == nil || g == first {
			t.Error("the forgotten grant was used again, or none")
		}
	})
}

func TestPool_CloseEndsAllTurns(t *testing.T) {
	inPool(t, oauth2grant.PoolConfig{MaxLive: 1}, func(t *testing.T, _ *granttest.Server, _ *opener, p *intPool) {
		_, release := hold(t, p, 1)
		turns := []<-chan *oauth2grant.Grant{
			queued(t.Context(), p, 2), queued(t.Context(), p, 1), queued(t.Context(), p, 2),
		}
		if got := p.String(); got != "Pool{1 live, 2 waiting}" {
			t.Errorf("it is a %s", got)
		}
		var closed sync.WaitGroup
		closed.Go(func() { _ = p.Close() })
		for _, turn := range turns {
			if g := <-turn; g != nil {
				t.Error("a use began after Close")
			}
		}
		release()
		closed.Wait()
		if got := p.String(); got != "Pool{0 live, 0 waiting}" {
			t.Errorf("it is a %s", got)
		}
	})
}

func TestPool_RefusesAKeyThatItWouldNeverFindAgain(t *testing.T) {
	p := oauth2grant.NewPool(t.Context(), func(context.Context, float64) (*oauth2grant.Grant, error) {
		t.Error("it was opened")
		return nil, nil
	}, oauth2grant.PoolConfig{})
	defer func() { _ = p.Close() }()
	if err := p.Use(t.Context(), math.NaN(), func(*oauth2grant.Grant) error { return nil }); err == nil {
		t.Error("NaN is a key")
	}
}
