package bench

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"
)

// questionA measures what an active token costs, beside the limits (B) of what
// it can cost.
func questionA(r *report, sc scale) {
	s := &server{life: time.Hour}
	var open []cache
	for _, p := range peers() {
		c := p.open(s, 0)
		defer c.close()
		_, err := c.token(context.Background())
		must(err)
		open = append(open, c)
	}
	for _, procs := range sc.procs {
		reads(r, sc, open, procs)
	}
	headers(r, sc, open)
	for _, fields := range []int{6, 14} {
		for _, procs := range sc.procs {
			trips(r, sc, open, fields, procs)
		}
	}
}

func reads(r *report, sc scale, open []cache, procs int) {
	const limit, ensureName = "atomic load and clock", ourName + ", EnsureActiveToken"
	ctx := context.Background()
	var expiry atomic.Pointer[time.Time]
	later := time.Now().Add(time.Hour)
	expiry.Store(&later)
	all := []contender{{limit, func() {
		if !time.Now().Before(*expiry.Load()) {
			panic("expired")
		}
	}}}
	grant := open[0].(ours).g
	all = append(all, contender{ensureName, func() { _ = grant.EnsureActiveToken(ctx) }})
	for i, p := range peers() {
		if _, whole := open[i].(azure); !whole {
			all = append(all, contender{p.name, func() { _, _ = open[i].token(ctx) }})
		}
	}
	costs := byTurns(all, sc.rounds, sc.each, procs)
	t := costTable(r, "A, B · Reading an active token, "+goroutines(procs), all, costs)
	t.note = "azcore has no way to a token but a request through its policy; see the round trips."
	if procs != 2 {
		r.atMost("A read", goroutines(procs)+", of atomic load and clock",
			costs[ensureName].ns/costs[limit].ns, 1.1, " ×")
		r.atMost("A read", goroutines(procs)+", of the fastest peer",
			costs[ourName].ns/fastest(costs, limit, ensureName), 1, " ×")
	}
	r.atMost("A read", goroutines(procs)+", allocations", costs[ourName].allocs, 0, "")
}

func headers(r *report, sc scale, open []cache) {
	own := http.Header{}
	all := []contender{{"own slice", func() {
		delete(own, "Authorization")
		own["Authorization"] = []string{"Bearer x"}
	}}}
	for i, p := range peers() {
		if _, whole := open[i].(azure); whole {
			continue
		}
		req := request(0)
		all = append(all, contender{p.name, func() {
			delete(req.Header, "Authorization")
			must(open[i].header(req))
		}})
	}
	again := request(0)
	all = append(all, contender{ourName + ", there already", func() { must(open[0].header(again)) }})
	costs := byTurns(all, sc.rounds, sc.each, 1)
	costTable(r, "A, B · Putting the header on a request", all, costs)
	r.atMost("A header", "of x/oauth2", costs[ourName].ns/costs["x/oauth2"].ns, 0.25, " ×")
	r.atMost("A header", "bytes allocated", costs[ourName].bytes, 16, " B")
	r.atMost("A header", "bytes, where it is there already", costs[ourName+", there already"].bytes, 0, " B")
}

// leastCopy is the least that a transport must do which leaves its caller's
// request alone.
func leastCopy(base http.RoundTripper) http.RoundTripper {
	return roundTrip(func(req *http.Request) (*http.Response, error) {
		out := *req
		out.Header = maps.Clone(req.Header)
		out.Header["Authorization"] = []string{"Bearer x"}
		return base.RoundTrip(&out)
	})
}

func trips(r *report, sc scale, open []cache, fields, procs int) {
	// A base that keeps what it is given, as a real one does.
	base := roundTrip(func(*http.Request) (*http.Response, error) {
		answer := *noContent
		return &answer, nil
	})
	const alone = "the base alone"
	var all []contender
	add := func(name string, rt http.RoundTripper) {
		req := request(fields)
		all = append(all, contender{name, func() {
			_, err := rt.RoundTrip(req) //nolint:bodyclose // it has none
			must(err)
		}})
	}
	add(alone, base)
	add("least copy", leastCopy(base))
	for i, p := range peers() {
		if rt := open[i].transport(base); rt != nil {
			add(p.name, rt)
		}
	}
	costs := byTurns(all, sc.rounds, sc.each, procs)
	t := costTable(r,
		fmt.Sprintf("A, B · A round trip with %d header fields, %s", fields, goroutines(procs)), all, costs)
	t.note = "The base makes an answer, which is among the allocations. AWS, smithy and Databricks have no " +
		"RoundTripper of this kind."
	if procs == 1 {
		r.atMost("A round trip", fmt.Sprintf("%d fields, without the base, of x/oauth2", fields),
			(costs[ourName].ns-costs[alone].ns)/(costs["x/oauth2"].ns-costs[alone].ns), 0.5, " ×")
		r.atMost("A round trip", fmt.Sprintf("%d fields, without the base, allocations", fields),
			costs[ourName].allocs-costs[alone].allocs, 4, "")
	}
}

func request(fields int) *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, apiURL, nil)
	must(err)
	for i := range fields {
		r.Header.Set(fmt.Sprintf("X-Field-%d", i), "value")
	}
	return r
}

// costTable shows costs with their ratio to those of this library.
func costTable(r *report, title string, all []contender, costs map[string]cost) *table {
	t := r.table(title, "", "", "ns", "of ours", "allocations", "bytes")
	for _, c := range all {
		x := costs[c.name]
		t.add(c.name, number(x.ns), ratio(x.ns, costs[ourName].ns), number(x.allocs), number(x.bytes))
	}
	return t
}

// fastest returns the least time of a peer, ours and those named aside.
func fastest(costs map[string]cost, aside ...string) float64 {
	least := 0.0
	for name, c := range costs {
		if name != ourName && !slices.Contains(aside, name) && (least == 0 || c.ns < least) {
			least = c.ns
		}
	}
	return least
}

func goroutines(n int) string {
	if n == 1 {
		return "1 goroutine"
	}
	return fmt.Sprintf("%d goroutines", n)
}
