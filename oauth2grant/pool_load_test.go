package oauth2grant_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

var storm = flag.Duration("pool.storm", 5*time.Second, "how long the load test of the pool takes")

const (
	stormKeys    = 10_000
	stormLive    = 100
	stormWorkers = 64
)

func TestPool_UnderLoad(t *testing.T) {
	t.Run("each key asks for a token once, however often it is evicted", func(t *testing.T) {
		l := newLoad(t, granttest.Config{})
		l.run(t, *storm/2)
		if tokens, keys := l.tokens.Load(), l.keys(); tokens != keys {
			t.Errorf("%d token requests for %d keys in %d uses", tokens, keys, l.uses.Load())
		}
	})
	t.Run("rotated refresh tokens survive eviction", func(t *testing.T) {
		l := newLoad(t, granttest.Config{Lifetime: time.Second})
		l.run(t, *storm/2)
		if n := l.srv.ReuseDetected(); n != 0 {
			t.Errorf("%d refresh tokens were used twice", n)
		}
		// Renewals in the background: no sooner than half of a lifetime.
		ahead := int64(*storm/2/(500*time.Millisecond)+1) * stormLive
		if tokens := l.tokens.Load(); tokens > l.uses.Load()+ahead {
			t.Errorf("%d token requests for %d uses", tokens, l.uses.Load())
		}
	})
}

// load is a storm of goroutines on a small pool with many keys.
type load struct {
	srv                  *granttest.Server
	o                    *opener
	pool                 *intPool
	uses, tokens, inside atomic.Int64
}

func newLoad(t *testing.T, cfg granttest.Config) *load {
	t.Helper()
	cfg.Users = users(stormKeys)
	l := &load{srv: granttest.New(cfg)}
	clientCfg := configFor(l.srv)
	clientCfg.HTTPClient = &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, string(granttest.Token)) {
			l.tokens.Add(1)
		}
		return l.srv.Transport().RoundTrip(r)
	})}
	l.o = &opener{client: newClient(t, clientCfg)}
	l.pool = newPool(t, l.o.open, oauth2grant.PoolConfig{MaxLive: stormLive, IdleAfter: 10 * time.Millisecond})
	return l
}

// keys counts those that were used.
func (l *load) keys() (n int64) {
	l.o.stores.Range(func(any, any) bool { n++; return true })
	return n
}

func (l *load) run(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), d)
	defer stop()
	atOnce(stormWorkers, func(int) {
		for ctx.Err() == nil && !t.Failed() {
			key := int(rand.ExpFloat64() * stormLive) // most uses are of some hundred keys
			if rand.IntN(4) == 0 {
				key = rand.IntN(stormKeys)
			}
			key = min(key, stormKeys-1)
			err := l.pool.Use(t.Context(), key, func(g *oauth2grant.Grant) error {
				return l.call(t.Context(), t, g, key)
			})
			if err != nil {
				t.Errorf("key %d: %v", key, err)
			}
			if l.uses.Add(1)%1000 == 0 {
				l.srv.Reset() // the log
			}
			if rand.IntN(50) == 0 {
				l.pool.Forget(key)
			}
		}
	})
	t.Logf("%d uses of %d keys, %d grants opened, %d token requests", l.uses.Load(), l.keys(), l.o.opened.Load(),
		l.tokens.Load())
}

// call fails unless the grant is open, one of the few, and opens the API for
// the key's own user.
func (l *load) call(ctx context.Context, t *testing.T, g *oauth2grant.Grant, key int) error {
	t.Helper()
	if n := l.inside.Add(1); n > stormWorkers {
		t.Errorf("%d users", n)
	}
	defer l.inside.Add(-1)
	h := http.Header{}
	if err := g.PrepareRequest(ctx, h); err != nil {
		return err
	}
	runtime.Gosched()
	if isClosed(g) {
		t.Errorf("key %d: the grant was closed under its user", key)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.srv.URL(granttest.Resource), nil)
	if err != nil {
		return err
	}
	req.Header = h
	res, err := l.srv.Transport().RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusUnauthorized { // expired on the way
		_, err := io.Copy(io.Discard, res.Body)
		return err
	}
	var got struct{ User string }
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		return err
	}
	if got.User != user(key) {
		t.Errorf("key %d got the token of %s", key, got.User)
	}
	return nil
}

// BenchmarkPool_Use is the price of a use of a live grant.
func BenchmarkPool_Use(b *testing.B) {
	srv := granttest.New(granttest.Config{Users: users(100)})
	p := newPool(b, newOpener(b, srv).open, oauth2grant.PoolConfig{})
	ctx := b.Context()
	for key := range 100 {
		if err := p.PrepareRequest(ctx, key, http.Header{}); err != nil {
			b.Fatal(err)
		}
	}
	nothing := func(*oauth2grant.Grant) error { return nil }
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = p.Use(ctx, 1, nothing)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for key := rand.IntN(100); pb.Next(); key = (key + 1) % 100 {
				_ = p.Use(ctx, key, nothing)
			}
		})
	})
}

// BenchmarkPool_Memory is what a pool holds for each live grant, and for each
// key that has been evicted. The stores hold nothing of their own.
func BenchmarkPool_Memory(b *testing.B) {
	const live, keys = 10_000, 100_000
	client := newClient(b, oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: "https://auth.example/token"},
		Auth:   oauth2grant.SecretBasic("client", "secret"),
	})
	token := oauth2grant.Token{
		AccessToken: strings.Repeat("a", 1000), TokenType: "Bearer", RefreshToken: "r",
		Expiry: time.Now().Add(time.Hour),
	}
	visit := func(p *intPool, from, to int) {
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for key := from + n; key < to; key += 8 {
					if err := p.PrepareRequest(b.Context(), key, http.Header{}); err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
	for b.Loop() {
		p := oauth2grant.NewPool(context.Background(), func(ctx context.Context, _ int) (*oauth2grant.Grant, error) {
			return oauth2grant.New(ctx, oauth2grant.RefreshOnly{},
				oauth2grant.Config{Client: client, Store: readOnly(token)})
		}, oauth2grant.PoolConfig{MaxLive: live, IdleAfter: time.Hour})
		before, goroutines := memory(), runtime.NumGoroutine()
		visit(p, 0, live)
		full := memory()
		b.ReportMetric(float64(full-before)/live, "B/live-grant")
		b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/live, "goroutines/live-grant")
		visit(p, live, keys)
		b.ReportMetric(float64(memory()-full)/(keys-live), "B/idle-key")
		_ = p.Close()
	}
}

// memory is what the program holds on its heap and its stacks.
func memory() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// readOnly is a store of one token that takes no room.
type readOnly oauth2grant.Token

func (s readOnly) Load(context.Context) (oauth2grant.Token, error) { return oauth2grant.Token(s), nil }
func (readOnly) Save(context.Context, oauth2grant.Token) error     { return nil }
func (readOnly) Delete(context.Context) error                      { return nil }
func (readOnly) Lock(ctx context.Context) (context.Context, func(), error) {
	return ctx, func() {}, nil
}
