package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// questionF has a fleet live through outages, on a clock that does not wait.
func questionF(t *testing.T, r *report, sc scale) {
	comeback(t, r, sc)
	reserve(t, r, sc)
	oneInstant(t, r, sc)
}

// fleet is many caches of one peer, each of which is called at an interval.
type fleet struct {
	s      *server
	all    []cache
	failed []atomic.Int64 // calls, by cache
	well   []atomic.Bool  // a call was served
	stop   chan struct{}
	wg     sync.WaitGroup
}

// launch starts n caches, spread over so long, each of which is called at that
// interval by somebody who waits no longer than that.
func launch(p peer, s *server, n int, spread, every time.Duration) *fleet {
	f := &fleet{
		s: s, all: make([]cache, n), failed: make([]atomic.Int64, n), well: make([]atomic.Bool, n),
		stop: make(chan struct{}),
	}
	for i := range n {
		f.wg.Go(func() {
			if spread > 0 && !f.sleep(rand.N(spread)) {
				return
			}
			f.all[i] = p.open(s, 0)
			for f.call(i, every); f.sleep(every); {
				f.call(i, every)
			}
		})
	}
	return f
}

func (f *fleet) call(i int, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit-limit/10)
	defer cancel()
	if _, err := f.all[i].token(ctx); err != nil {
		f.failed[i].Add(1)
		return
	}
	f.well[i].Store(true)
}

func (f *fleet) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-f.stop:
		return false
	}
}

func (f *fleet) allWell() bool {
	for i := range f.well {
		if !f.well[i].Load() {
			return false
		}
	}
	return true
}

// hurt returns how many caches have failed a call.
func (f *fleet) hurt() (n int) {
	for i := range f.failed {
		if f.failed[i].Load() > 0 {
			n++
		}
	}
	return n
}

func (f *fleet) end() {
	close(f.stop)
	f.wg.Wait()
	for _, c := range f.all {
		if c != nil {
			c.close()
		}
	}
}

// between counts the requests from one time to another.
func between(all []time.Time, from, to time.Time) (n int) {
	for _, at := range all {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n
}

// busiest returns the most requests that came in one tenth of a second from
// then on.
func busiest(all []time.Time, from time.Time) (most int) {
	bins := map[time.Duration]int{}
	for _, at := range all {
		if since := at.Sub(from); since >= 0 {
			bins[since/(100*time.Millisecond)]++
			most = max(most, bins[since/(100*time.Millisecond)])
		}
	}
	return most
}

// comeback lets a fleet without tokens wait for a server that then has little
// room.
func comeback(t *testing.T, r *report, sc scale) {
	const longest = 15 * time.Minute
	room := float64(sc.fleet) / 10
	tab := r.table("F · In and after an outage", fmt.Sprintf(
		"%s grants without a token, each called once a second; the server is down for %v and then answers %.0f "+
			"requests a second.",
		thousands(sc.fleet), sc.outage, room),
		"", "requests per grant in the outage", "per grant after it, until all are well", "all well after",
		"busiest 100 ms after it")
	var lines []line
	for _, p := range peers() {
		var all []time.Time
		var began, back, well time.Time
		synctest.Test(t, func(*testing.T) {
			s := &server{life: time.Hour, down: true, room: room}
			began = time.Now()
			f := launch(p, s, sc.fleet, time.Second, time.Second)
			time.Sleep(sc.outage)
			back = time.Now()
			s.set(func() { s.down, s.counted = false, back })
			for !f.allWell() && time.Since(back) < longest {
				time.Sleep(100 * time.Millisecond)
			}
			well = time.Now()
			all = s.requests()
			f.end()
		})
		each := float64(sc.fleet)
		after := float64(between(all, back, well)) / each
		peak := float64(busiest(all, back)) / each * 100
		took := seconds(well.Sub(back))
		if well.Sub(back) >= longest {
			took = "not within " + longest.String()
		}
		tab.add(p.name, number(float64(between(all, began, back))/each), number(after), took,
			number(peak)+" % of the grants")
		lines = append(lines, perSecond(p.name, all, began, well))
		if p.name == ourName {
			r.atMost("F", "requests per grant after the outage, until all are well", after, 1.6, "")
			r.atMost("F", "busiest 100 ms after the outage, of the grants", peak, 4, " %")
		}
	}
	r.plots = append(r.plots, plotted{
		file: "performance-outage.png", title: "Token requests in and after an outage", x: "seconds",
		y: "requests a second", lines: lines,
		alt: "Token requests per second, by library, while the server is down and after it has come back", log: true,
	})
}

func perSecond(name string, all []time.Time, began, end time.Time) line {
	bins := make([]int, int(end.Sub(began).Seconds())+1)
	for _, at := range all {
		if i := int(at.Sub(began).Seconds()); i < len(bins) {
			bins[i]++
		}
	}
	l := line{name: name}
	for i, n := range bins {
		l.points = append(l.points, point{float64(i), max(float64(n), 0.5)}) // nought has no logarithm
	}
	return l
}

// reserve takes the server away from a fleet in full use.
func reserve(t *testing.T, r *report, sc scale) {
	const outage = 18 * time.Minute
	tab := r.table("F · 18 minutes of outage with tokens of an hour", fmt.Sprintf(
		"%s grants that began at random, each called once a minute; %v of calm, then the outage.",
		thousands(sc.fleet), sc.calm),
		"", "grants that were without a token", "requests an hour and grant in calm")
	for _, p := range peers() {
		var hurt int
		var rate float64
		synctest.Test(t, func(*testing.T) {
			s := &server{life: time.Hour}
			f := launch(p, s, sc.fleet, time.Hour, time.Minute)
			time.Sleep(time.Hour)
			settled := time.Now()
			time.Sleep(sc.calm)
			down := time.Now()
			rate = float64(between(s.requests(), settled, down)) / float64(sc.fleet) / sc.calm.Hours()
			s.set(func() { s.down = true })
			time.Sleep(outage)
			hurt = f.hurt()
			f.end()
		})
		tab.add(p.name, fmt.Sprint(hurt), number(rate))
		if p.name == ourName {
			r.atMost("F", "grants without a token in an outage of 18 min", float64(hurt), 0, "")
			r.atMost("F", "requests an hour in calm", rate, 1.65, "")
		}
	}
}

// oneInstant starts a fleet at once and looks at its first renewals.
func oneInstant(t *testing.T, r *report, sc scale) {
	tab := r.table("F · A fleet started in one instant", fmt.Sprintf(
		"%s grants with tokens of an hour, each called every 10 s. The first tokens are all obtained at once; how "+
			"far do the next ones spread?",
		thousands(sc.fleet)), "", "busiest 100 ms of the second hour's tokens")
	for _, p := range peers() {
		var peak float64
		synctest.Test(t, func(*testing.T) {
			s := &server{life: time.Hour}
			f := launch(p, s, sc.fleet, 0, 10*time.Second)
			time.Sleep(time.Minute)
			from := time.Now()
			time.Sleep(time.Hour)
			peak = float64(busiest(s.requests(), from)) / float64(sc.fleet) * 100
			f.end()
		})
		tab.add(p.name, number(peak)+" % of the grants")
	}
}
