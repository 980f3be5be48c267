package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	shortLife    = 2 * time.Second
	shortLead    = 600 * time.Millisecond
	shortLatency = 100 * time.Millisecond
)

// call is one that was watched: when it began and how long it took.
type call struct{ at, took time.Duration }

// questionD watches calls around the expiry of short-lived tokens.
func questionD(r *report, sc scale) {
	if sc.expiry > 0 {
		underLoad(r, sc)
		afterIdling(r)
	}
}

func underLoad(r *report, sc scale) {
	t := r.table("D · Calls around an expiry, under load", fmt.Sprintf(
		"20 callers, each every 2 ms; tokens of %v, renewed %v ahead where that can be told; the server answers "+
			"after %v. "+
			"The first token is not counted. Needed is one request for every %v or longer.",
		shortLife, shortLead, shortLatency, shortLife-shortLead-shortLead/4),
		"", "slowest call", "p99.9", "calls over 50 ms", "requests")
	slowest := map[string]time.Duration{}
	var lines []line
	for _, p := range peers() {
		calls, requests := watch(p, sc.expiry)
		var took []time.Duration
		slow := 0
		for _, c := range calls {
			took = append(took, c.took)
			if c.took > shortLatency/2 {
				slow++
			}
		}
		slowest[p.name] = slices.Max(took)
		t.add(p.name, millis(slowest[p.name]), millis(quantile(took, 0.999)), thousands(slow), fmt.Sprint(requests))
		lines = append(lines, worst(p.name, calls))
	}
	r.plots = append(r.plots, plotted{
		file: "performance-expiry.png", title: "Latency of calls around an expiry", x: "seconds", y: "slowest call, ms",
		lines: lines,
		alt:   "The slowest call in each 20 ms, by library, while tokens of two seconds expire", log: true,
	})
	least := time.Duration(0)
	for name, d := range slowest {
		if name != ourName && (least == 0 || d < least) {
			least = d
		}
	}
	r.atMost("D", "slowest call under load, of the fastest peer", float64(slowest[ourName])/float64(least), 1, " ×")
}

// watch has callers call for so long.
func watch(p peer, long time.Duration) (calls []call, requests int) {
	s := &server{life: shortLife, latency: shortLatency}
	c := p.open(s, shortLead)
	defer c.close()
	_, err := c.token(context.Background())
	must(err)
	const callers = 20
	seen := make([][]call, callers)
	began := time.Now()
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for tick := time.NewTicker(2 * time.Millisecond); ; <-tick.C {
				at := time.Since(began)
				if at > long {
					tick.Stop()
					return
				}
				_, _ = c.token(context.Background())
				seen[i] = append(seen[i], call{at, time.Since(began) - at})
			}
		})
	}
	wg.Wait()
	return slices.Concat(seen...), len(s.requests())
}

// worst returns the slowest call in each 20 ms, in milliseconds.
func worst(name string, calls []call) line {
	const bin = 20 * time.Millisecond
	most := map[int]time.Duration{}
	for _, c := range calls {
		most[int(c.at/bin)] = max(most[int(c.at/bin)], c.took)
	}
	l := line{name: name}
	for i := range int(shortLife*2/bin) + 1 {
		if d, ok := most[i]; ok {
			l.points = append(l.points, point{
				(time.Duration(i) * bin).Seconds(), max(float64(d.Microseconds())/1000, 0.001),
			})
		}
	}
	return l
}

func afterIdling(r *report) {
	t := r.table("D · The first call after the token of an idle program has expired", "", "", "took",
		"requests until then")
	took := map[string]time.Duration{}
	asked := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, p := range peers() {
		wg.Go(func() {
			s := &server{life: shortLife, latency: shortLatency}
			c := p.open(s, shortLead)
			defer c.close()
			_, err := c.token(context.Background())
			must(err)
			time.Sleep(shortLife + shortLife/4)
			began := time.Now()
			_, err = c.token(context.Background())
			must(err)
			mu.Lock()
			defer mu.Unlock()
			took[p.name], asked[p.name] = time.Since(began), len(s.requests())
		})
	}
	wg.Wait()
	least := time.Duration(0)
	for _, p := range peers() {
		if d := took[p.name]; p.name != ourName && (least == 0 || d < least) {
			least = d
		}
		t.add(p.name, millis(took[p.name]), fmt.Sprint(asked[p.name]))
	}
	r.atMost("D", "call after idling, of the fastest peer", float64(took[ourName])/float64(least), 1, " ×")
}
