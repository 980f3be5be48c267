package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// questionE weighs many live grants on one Client, and a Pool.
func questionE(r *report, sc scale) {
	t := r.table("E · Live grants on one Client",
		"Each holds a token and waits for the time to renew it. The heap and the stacks are counted after a "+
			"collection. They are closed one by one; shown is a hundred times the median of a hundred parts.",
		"grants", "heap each", "stack each", "goroutines each", "start", "CPU when nothing happens", "close one by one")
	for _, n := range sc.live {
		grants(r, t, sc, n)
	}
	t = r.table("E · Beside them",
		"The same number of the others' caches, which have no goroutine: their token is renewed by a call.",
		"", "heap each")
	for _, p := range peers()[1:] {
		t.add(p.name, number(weigh(p, sc.live[0]))+" B")
	}
	pool(r, sc)
}

// memory is what a program has in use, after a collection.
type memory struct {
	heap, stack float64
	goroutines  int
}

func inUse() memory {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return memory{float64(m.HeapAlloc), float64(m.StackInuse), runtime.NumGoroutine()}
}

// settle waits until no goroutine has come or gone for a while.
func settle() {
	for before := -1; before != runtime.NumGoroutine(); time.Sleep(200 * time.Millisecond) {
		before = runtime.NumGoroutine()
	}
}

func grants(r *report, t *table, sc scale, n int) {
	s := &server{life: time.Hour}
	client := newClient(s)
	before := inUse()
	began := time.Now()
	all := make([]*oauth2grant.Grant, n)
	for i := range all {
		all[i] = newGrant(client, oauth2grant.Refresh{})
		must(all[i].EnsureActiveToken(context.Background()))
	}
	start := time.Since(began)
	settle()
	s.forget()
	after := inUse()
	each := float64(n)
	heap, stack := (after.heap-before.heap)/each, (after.stack-before.stack)/each
	goroutines := float64(after.goroutines-before.goroutines) / each

	// What the start has left is given back now: else the runtime does that in
	// the background, and it is its work that would be seen.
	debug.FreeOSMemory()
	spent := processorTime()
	time.Sleep(sc.idle)
	idle := float64(processorTime()-spent) / float64(sc.idle) * 100

	const parts = 100
	var took []time.Duration
	for part := range slices.Chunk(all, n/parts) {
		began := time.Now()
		for _, g := range part {
			must(g.Close())
		}
		took = append(took, time.Since(began))
	}
	end := median(took) * parts
	t.add(thousands(n), number(heap)+" B", number(stack)+" B", number(goroutines), seconds(start),
		number(idle)+" % of a core", seconds(end))
	if n == 100_000 {
		r.atMost("E", "100,000 live: heap and stack each", heap+stack, 4500, " B")
		r.atMost("E", "100,000 live: goroutines each", goroutines, 1.001, "")
		r.atMost("E", "100,000 live: CPU when nothing happens", idle, 0.1, " % of a core")
		r.atMost("E", "100,000 live: all closed after", end.Seconds(), 0.5, " s")
	}
}

// weigh returns the heap of one cache of a peer that holds a token.
func weigh(p peer, n int) float64 {
	s := &server{life: time.Hour}
	before := inUse()
	all := make([]cache, n)
	for i := range all {
		all[i] = p.open(s, 0)
		_, err := all[i].token(context.Background())
		must(err)
	}
	s.forget()
	after := inUse()
	runtime.KeepAlive(all)
	return (after.heap - before.heap) / float64(n)
}

// pool weighs the keys of a Pool, idle and evicted.
func pool(r *report, sc scale) {
	s := &server{life: time.Hour}
	client := newClient(s)
	ctx := context.Background()
	p := oauth2grant.NewPool(ctx, func(ctx context.Context, _ int) (*oauth2grant.Grant, error) {
		return oauth2grant.New(ctx, oauth2grant.ClientCredentials{}, oauth2grant.Config{Client: client})
	}, oauth2grant.PoolConfig{MaxLive: sc.keys})
	use := func(key int) {
		must(p.Use(ctx, key, func(g *oauth2grant.Grant) error { return g.EnsureActiveToken(ctx) }))
	}
	before := inUse()
	for key := range sc.keys {
		use(key)
	}
	settle()
	s.forget()
	idle := inUse()
	for key := range sc.keys {
		p.Forget(key)
		// One after another: the runtime keeps a record of every goroutine that
		// there ever was at the same time.
		for left := fmt.Sprintf("Pool{%d live, 0 waiting}", sc.keys-key-1); p.String() != left; {
			runtime.Gosched()
		}
	}
	settle()
	evicted := inUse()
	must(p.Close())
	n := float64(sc.keys)
	grant := single(sc.keys)
	entry := (idle.heap+idle.stack-before.heap-before.stack)/n - grant
	left := (evicted.heap - before.heap) / n
	t := r.table("E · A Pool",
		fmt.Sprintf("%s keys. What the pool adds to a grant, which has its own table.", thousands(sc.keys)),
		"a key that has been used and is idle", "after it was evicted")
	t.add(number(entry)+" B", number(left)+" B of heap")
	r.atMost("E Pool", "an idle key that has been used, beside its grant", entry, 600, " B")
	r.atMost("E Pool", "an evicted key", float64(int(left)), 0, " B")
}

// single returns what a grant weighs without a Pool.
func single(n int) float64 {
	s := &server{life: time.Hour}
	client := newClient(s)
	before := inUse()
	all := make([]*oauth2grant.Grant, n)
	for i := range all {
		all[i] = newGrant(client, oauth2grant.Refresh{})
		must(all[i].EnsureActiveToken(context.Background()))
	}
	settle()
	s.forget()
	after := inUse()
	for _, g := range all {
		must(g.Close())
	}
	return (after.heap + after.stack - before.heap - before.stack) / float64(n)
}
