package storetrial

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// Scale is what a store is measured by when many share it.
type Scale struct {
	// Open returns the stores of another process: over connections of their
	// own, which close ends.
	Open func(tb testing.TB) (store func(key string) oauth2grant.Store, end func())

	// Meter counts what all of them exchange.
	Meter *Meter
}

const (
	waiters = 200
	keys    = 10_000
	idle    = 10 * time.Second
)

// Waiters shows what 200 families, each as in a process of its own, ask of the
// database while they wait for one lock, and how long the last one waits after
// its release.
func (s Scale) Waiters(b *testing.B) {
	ctx := b.Context()
	mine, end := s.Open(b)
	defer end()
	_, unlock, err := mine("alice").Lock(ctx)
	if err != nil {
		b.Fatal(err)
	}
	var all errgroup.Group
	var mu sync.Mutex
	var last time.Time
	for range waiters {
		store, end := s.Open(b)
		all.Go(func() error {
			defer end()
			_, unlock, err := store("alice").Lock(ctx)
			if err != nil {
				return err
			}
			mu.Lock()
			last = time.Now()
			mu.Unlock()
			unlock()
			return nil
		})
	}
	time.Sleep(idle / 2) // the waits have become long
	before := s.Meter.Exchanges.Load()
	time.Sleep(idle)
	b.ReportMetric(float64(s.Meter.Exchanges.Load()-before)/idle.Seconds(), "exchanges/s")
	released := time.Now()
	unlock()
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(last.Sub(released).Seconds(), "s-longest-wait")
	b.ReportMetric(0, "ns/op")
}

// Keys shows what a Pool of 10,000 live grants takes, and how soon it knows
// what another process has saved.
func (s Scale) Keys(b *testing.B) {
	ctx := b.Context()
	server, _ := signedIn(time.Hour)
	issue := func() oauth2grant.Token {
		access, refresh, expiresIn := server.Issue("client", "alice")
		return oauth2grant.Token{
			AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", Expiry: time.Now().Add(expiresIn).Round(0).UTC(),
		}
	}
	others, end := s.Open(b)
	defer end()
	each(b, func(n int) error { return others(fmt.Sprint(n)).Save(ctx, issue()) })

	mine, end := s.Open(b)
	defer end()
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: server.URL(granttest.Token)}, Auth: oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: server.HTTPClient(),
	})
	if err != nil {
		b.Fatal(err)
	}
	adopted := make(chan struct{}, keys)
	pool := oauth2grant.NewPool(ctx, func(ctx context.Context, n int) (*oauth2grant.Grant, error) {
		return oauth2grant.New(ctx, oauth2grant.RefreshOnly{}, oauth2grant.Config{
			Client: client, Store: mine(fmt.Sprint(n)),
			OnEvent: func(_ context.Context, e oauth2grant.Event) {
				if e.Kind == oauth2grant.EventAdopted {
					adopted <- struct{}{}
				}
			},
		})
	}, oauth2grant.PoolConfig{MaxLive: keys, IdleAfter: time.Hour})
	defer pool.Close()

	memory, exchanges, connections := inUse(), s.Meter.Exchanges.Load(), s.Meter.Connections.Load()
	each(b, func(n int) error {
		return pool.Use(ctx, n, func(g *oauth2grant.Grant) error { return g.EnsureActiveToken(ctx) })
	})
	b.ReportMetric(float64(s.Meter.Exchanges.Load()-exchanges)/keys, "exchanges/key")
	b.ReportMetric(float64(s.Meter.Connections.Load()-connections), "connections")
	b.ReportMetric(float64(inUse()-memory)/keys, "B/key")

	time.Sleep(idle / 2)
	exchanges = s.Meter.Exchanges.Load()
	time.Sleep(idle)
	b.ReportMetric(float64(s.Meter.Exchanges.Load()-exchanges)/idle.Seconds(), "idle-exchanges/s")

	var longest time.Duration
	for len(adopted) > 0 {
		<-adopted
	}
	for n := range 20 {
		if err := others(fmt.Sprint(n)).Save(ctx, issue()); err != nil {
			b.Fatal(err)
		}
		saved := time.Now()
		<-adopted
		longest = max(longest, time.Since(saved))
	}
	b.ReportMetric(longest.Seconds(), "s-longest-news")
	b.ReportMetric(0, "ns/op")
}

// each calls f with every key, 32 at a time.
func each(b *testing.B, f func(n int) error) {
	b.Helper()
	var all errgroup.Group
	all.SetLimit(32)
	for n := range keys {
		all.Go(func() error { return f(n) })
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
}

// inUse returns the memory that is in use.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
