package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// questionC has many callers find an expired token at once.
func questionC(r *report, sc scale) {
	for _, callers := range sc.callers {
		patient(r, sc, callers)
		impatient(r, sc, callers)
		firstLeaves(r, sc, callers)
	}
}

const answerAfter = 100 * time.Millisecond

// herd has so many callers call at once, the first of them first, and returns
// when each was served and how many failed. impatience bounds the wait of all
// but, if it is negative, only that of the first.
func herd(c cache, callers int, impatience time.Duration) (after []time.Duration, failed int) {
	after = make([]time.Duration, callers)
	errs := make([]error, callers)
	gate := make(chan struct{})
	var ready, all sync.WaitGroup
	ready.Add(callers)
	var began time.Time
	for i := range callers {
		all.Go(func() {
			ctx := context.Background()
			ready.Done()
			<-gate
			if impatience > 0 || impatience < 0 && i == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, max(impatience, -impatience))
				defer cancel()
			}
			if i > 0 && impatience < 0 { // the first has called by then
				time.Sleep(-impatience / 4)
			}
			_, errs[i] = c.token(ctx)
			after[i] = time.Since(began)
		})
	}
	ready.Wait()
	runtime.GC()
	began = time.Now()
	close(gate)
	all.Wait()
	for _, err := range errs {
		if err != nil {
			failed++
		}
	}
	return after, failed
}

// herds repeats a herd on every peer by turns.
func herds(
	sc scale, callers int, impatience time.Duration, note func(name string, after []time.Duration, failed, asked int),
) {
	for range sc.repeats {
		for _, p := range peers() {
			s := &server{life: time.Hour, latency: answerAfter}
			c := p.open(s, 0)
			after, failed := herd(c, callers, impatience)
			note(p.name, after, failed, len(s.requests()))
			// Whoever could not leave has been served by now.
			c.close()
		}
	}
}

func patient(r *report, sc scale, callers int) {
	last, half, asked := map[string][]time.Duration{}, map[string][]time.Duration{}, map[string]int{}
	herds(sc, callers, 0, func(name string, after []time.Duration, _, requests int) {
		last[name] = append(last[name], slices.Max(after))
		half[name] = append(half[name], median(after))
		asked[name] = max(asked[name], requests)
	})
	t := r.table(fmt.Sprintf("C · %s patient callers on an expired token", thousands(callers)),
		fmt.Sprintf("The server answers after %v.", answerAfter), "", "half are served after", "the last after",
		"of ours", "requests")
	mine := median(last[ourName])
	least := time.Duration(0)
	for _, p := range peers() {
		l := median(last[p.name])
		if p.name != ourName && (least == 0 || l < least) {
			least = l
		}
		t.add(p.name, millis(median(half[p.name])), millis(l), ratio(float64(l), float64(mine)),
			fmt.Sprint(asked[p.name]))
	}
	r.atMost("C", fmt.Sprintf("%s callers: requests", thousands(callers)), float64(asked[ourName]), 1, "")
	r.atMost("C", fmt.Sprintf("%s callers: the last is served, of the fastest peer", thousands(callers)),
		float64(mine)/float64(least), 1.1, " ×")
}

func impatient(r *report, sc scale, callers int) {
	const limit = answerAfter / 2
	p99s := map[string][]time.Duration{}
	herds(sc, callers, limit, func(name string, after []time.Duration, _, _ int) {
		p99s[name] = append(p99s[name], quantile(after, 0.99))
	})
	t := r.table(
		fmt.Sprintf("C · %s callers who wait %v for an answer that takes %v", thousands(callers), limit, answerAfter),
		"When all but 1 % have left, or been served.", "", "p99", "of ours")
	mine := median(p99s[ourName])
	least := time.Duration(0)
	for _, p := range peers() {
		x := median(p99s[p.name])
		if p.name != ourName && (least == 0 || x < least) {
			least = x
		}
		t.add(p.name, millis(x), ratio(float64(x), float64(mine)))
	}
	if callers == 1000 {
		r.atMost("C", "1,000 impatient callers: p99, of the fastest peer", float64(mine)/float64(least), 1, " ×")
	}
}

func firstLeaves(r *report, sc scale, callers int) {
	const limit = answerAfter / 2
	failures, asked := map[string]int{}, map[string]int{}
	herds(sc, callers, -limit, func(name string, _ []time.Duration, failed, requests int) {
		failures[name] = max(failures[name], failed)
		asked[name] = max(asked[name], requests)
	})
	t := r.table(fmt.Sprintf("C · Of %s callers the first leaves", thousands(callers)), "", "",
		"calls that failed", "requests")
	for _, p := range peers() {
		t.add(p.name, fmt.Sprint(failures[p.name]), fmt.Sprint(asked[p.name]))
	}
	r.atMost("C", fmt.Sprintf("the first of %s leaves: failures", thousands(callers)),
		float64(failures[ourName]), 1, "")
}
