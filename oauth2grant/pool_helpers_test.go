package oauth2grant_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// opener opens the grants of a pool and counts them. All share one Client; each
// key has a store of its own, which outlives its grants.
type opener struct {
	client *oauth2grant.Client
	opened atomic.Int64
	stores sync.Map // *backend by key
}

// intPool is a pool with numbers for keys.
type intPool = oauth2grant.Pool[int]

func newOpener(t testing.TB, srv *granttest.Server) *opener {
	t.Helper()
	return &opener{client: newClient(t, configFor(srv))}
}

func (o *opener) open(ctx context.Context, key int) (*oauth2grant.Grant, error) {
	o.opened.Add(1)
	b, ok := o.stores.Load(key)
	if !ok {
		b, _ = o.stores.LoadOrStore(key, newBackend())
	}
	flow := oauth2grant.Password{Username: user(key), Password: "wonderland"}
	return oauth2grant.New(ctx, flow, oauth2grant.Config{Client: o.client, Store: store{b.(*backend)}})
}

func user(key int) string { return fmt.Sprintf("user-%d", key) }

// users are registered at a server.
func users(n int) map[string]string {
	all := map[string]string{}
	for key := range n {
		all[user(key)] = "wonderland"
	}
	return all
}

// newPool makes a pool that is closed with the test.
func newPool(
	t testing.TB, open func(context.Context, int) (*oauth2grant.Grant, error), cfg oauth2grant.PoolConfig,
) *intPool {
	t.Helper()
	p := oauth2grant.NewPool(context.Background(), open, cfg)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// use does nothing with the grant of a key but to keep it until then.
func use(t testing.TB, p *intPool, key int) (g *oauth2grant.Grant) {
	t.Helper()
	if err := p.Use(t.Context(), key, func(got *oauth2grant.Grant) error { g = got; return nil }); err != nil {
		t.Fatal(err)
	}
	return g
}

// hold uses the grant of a key until release is called.
func hold(t testing.TB, p *intPool, key int) (g *oauth2grant.Grant, release func()) {
	t.Helper()
	got, done, left := make(chan *oauth2grant.Grant), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(left)
		_ = p.Use(context.Background(), key, func(g *oauth2grant.Grant) error { got <- g; <-done; return nil })
	}()
	release = sync.OnceFunc(func() { close(done); <-left })
	t.Cleanup(release)
	return <-got, release
}

func isClosed(g *oauth2grant.Grant) bool { return g.Status().State == oauth2grant.StateClosed }

// inPool runs a test in a bubble with a pool over a server.
func inPool(
	t *testing.T, cfg oauth2grant.PoolConfig,
	test func(t *testing.T, srv *granttest.Server, o *opener, p *intPool),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Users: users(100)})
		o := newOpener(t, srv)
		test(t, srv, o, newPool(t, o.open, cfg))
	})
}
