package bench

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"time"
)

// median returns the middle one of values, which it sorts.
func median[T cmp.Ordered](values []T) T { return quantile(values, 0.5) }

// quantile returns the value below which the share q of values lies; it sorts
// them.
func quantile[T cmp.Ordered](values []T, q float64) T {
	slices.Sort(values)
	return values[min(int(q*float64(len(values))), len(values)-1)]
}

// contender is one of those that are measured by turns.
type contender struct {
	name string
	do   func()
}

// cost is what one call of a contender takes.
type cost struct {
	// ns is the time divided by all calls: the thread's on one goroutine, on
	// more that on the wall.
	ns            float64
	allocs, bytes float64
}

// byTurns measures every contender for so long in each of several rounds, on so
// many goroutines and processors, and returns the medians. One goroutine alone,
// whose time nobody else takes, is measured for longer: each turn of it has its
// share of collections.
func byTurns(all []contender, rounds int, each time.Duration, procs int) map[string]cost {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	if procs == 1 {
		each *= 10
	}
	times, costs := map[string][]float64{}, map[string]cost{}
	calls := map[string]int{}
	for _, c := range all {
		calls[c.name] = calibrate(c.do, each)
		costs[c.name] = allocations(c.do)
	}
	for round := range rounds {
		runtime.GC()
		for i := range all {
			c := all[(round+i)%len(all)] // nobody is always the first after a collection
			n := max(calls[c.name]/procs, 1)
			took := together(c.do, n, procs)
			times[c.name] = append(times[c.name], float64(took.Nanoseconds())/float64(n*procs))
		}
	}
	for name, cost := range costs {
		cost.ns = median(times[name])
		costs[name] = cost
	}
	return costs
}

// together returns how long it takes to do something n times on each of so many
// goroutines. One alone is timed by the clock of its thread.
func together(do func(), n, goroutines int) time.Duration {
	if goroutines == 1 {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		began := threadTime()
		repeat(do, n)
		return threadTime() - began
	}
	began := time.Now()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() { repeat(do, n) })
	}
	wg.Wait()
	return time.Since(began)
}

func repeat(do func(), n int) {
	for range n {
		do()
	}
}

// calibrate returns how many calls take about so long.
func calibrate(do func(), each time.Duration) int {
	for n := 100; ; n *= 4 {
		if took := together(do, n, 1); took > each/8 {
			return max(int(float64(n)*float64(each)/float64(took)), 1)
		}
	}
}

// allocations returns what one call allocates.
func allocations(do func()) cost {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const calls = 2000
	do()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	repeat(do, calls)
	runtime.ReadMemStats(&after)
	return cost{
		allocs: float64((after.Mallocs - before.Mallocs) / calls),
		bytes:  float64((after.TotalAlloc - before.TotalAlloc) / calls),
	}
}
