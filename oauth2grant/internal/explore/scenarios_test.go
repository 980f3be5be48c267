package explore

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// With -explore, the search goes on for so long, as deep as it gets; without it
// does a fixed amount of work, which takes half a minute.
var long = flag.Duration("explore", 0, "explore for so long, instead of a fixed amount of work")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// operations are what a pair is made of.
var operations = []string{
	"renewal", "sign-in", "SetToken", "FetchToken", "RefreshToken", "Revoke", "Invalidate", "Close",
}

// scenarios are those that are searched: one renewal of two processes, and one
// process with every pair of operations.
func scenarios() (all []*Scenario) {
	for _, kind := range []struct {
		name  string
		store Kind
	}{{"file", File}, {"leased", Leased}, {"notifying", Notifying}} {
		add := func(s Scenario) {
			s.Name = kind.name + "/" + s.Name
			s.Store, s.Faults = kind.store, 1
			all = append(all, &s)
		}
		add(Scenario{Name: "two renew", Stored: Due, Calls: []string{"", ""}})
		add(Scenario{Name: "two renew, or want a person", Stored: Due, Interactive: true, Calls: []string{"", ""}})
		add(Scenario{Name: "one renews and one signs out", Stored: Due, Calls: []string{"", "Revoke"}})
		if *long == 0 && kind.store != Leased {
			continue
		}
		add(Scenario{Name: "two are asked to renew", Stored: Fresh, Calls: []string{"RefreshToken", "RefreshToken"}})
		add(Scenario{Name: "two are refused", Stored: Fresh, Calls: []string{"Invalidate", "Invalidate"}})
		add(Scenario{Name: "two sign in", Stored: Nothing, Interactive: true, Calls: []string{"Token", "Token"}})
		add(Scenario{
			Name: "one signs in for two", Stored: Nothing, Interactive: true, Calls: []string{"Token", "SetStale"},
		})
		add(Scenario{Name: "one renews and one signs in anew", Stored: Due, Calls: []string{"", "Revoke Token"}})
		if kind.store == Leased {
			add(Scenario{
				Name: "a look while a token is set", Stored: Unread, Calls: []string{"SetToken Token"},
				Begins: "A.SetToken() A.lock A.load A.Token() A.load:late",
			})
			add(Scenario{
				Name: "a look during a sign-out", Stored: Fresh, Interactive: true, Calls: []string{"Revoke Token"},
				Begins: "A.Revoke() A.lock A.load A.Token() A.load:late A.revoke A.revoke A.delete",
			})
			add(Scenario{
				Name: "a sign-in that finds a token", Stored: Nothing, Interactive: true, Leaving: true,
				Calls: []string{"Token", "SetStale"}, Begins: "A.Token() A.load A.lock A.load B.SetStale()",
			})
		}
		add(Scenario{Name: "a sign-in over what nobody has read", Stored: Unread, Calls: []string{"FetchToken Token"}})
		add(Scenario{Name: "a token over what nobody has read", Stored: Unread, Calls: []string{"SetToken Token"}})
		if kind.store == Notifying {
			continue
		}
		for i, a := range operations {
			for _, b := range operations[i:] {
				add(pair(a, b))
			}
		}
	}
	return all
}

// pair returns one process that does a and b at once.
func pair(a, b string) Scenario {
	s := Scenario{Name: a + " and " + b, Stored: Fresh, Calls: []string{""}}
	for _, o := range []string{a, b} {
		switch o {
		case "renewal":
			s.Stored = Due
		case "sign-in":
			s.Interactive = true
			s.Calls[0] += " Token"
		default:
			s.Calls[0] += " " + o
		}
	}
	switch {
	case s.Interactive && s.Stored == Due:
		s.Stored = Dead // the renewal leads to the sign-in
		s.Calls[0] += " RefreshToken"
	case s.Interactive:
		s.Stored = Nothing
	}
	return s
}

func TestExplorer(t *testing.T) {
	all := scenarios()
	each := *long * 3 / 4 * time.Duration(runtime.GOMAXPROCS(0)) / time.Duration(len(all))
	var mu sync.Mutex // guards total and worst
	var total Found
	var worst worst
	t.Run("search", func(t *testing.T) {
		for _, s := range all {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				f := explored(t, s, each)
				mu.Lock()
				defer mu.Unlock()
				total.Add(f)
				worst.report(t, s, f)
			})
		}
	})
	t.Logf("in all: %v", &total)
	worst.shrink(t)
}

// explored searches s: the small search of every run, and for as long as it may
// take, deeper ones.
func explored(t *testing.T, s *Scenario, limit time.Duration) (f Found) {
	s.Orders, s.Depth = 1, 12
	switch {
	case s.Begins != "":
		s.Depth = 14
	case len(s.Calls) > 1:
		s.Depth = 18
	}
	if limit == 0 {
		f, _ = Search(t, s, nil)
		return f
	}
	for end := time.Now().Add(limit); ; {
		deeper := *s
		deeper.Orders, deeper.Depth = s.Orders+1, s.Depth+4
		g, whole := Search(t, &deeper, func() bool { return time.Now().Before(end) })
		f.Add(g)
		if !whole {
			return f
		}
		*s = deeper
	}
}

// worst is the shortest schedule that breaks a rule.
type worst struct {
	s *Scenario
	Failure
}

func (w *worst) report(t *testing.T, s *Scenario, f Found) {
	t.Helper()
	if s.Orders > 0 {
		t.Logf("%d steps in every order, faults in %d: %v", s.Orders, s.Depth, &f)
	}
	for _, x := range f.Failures {
		t.Errorf("%s: %s: %s\n\t%q", s.Name, x.Rule, x.Text, x.Schedule)
		if w.s == nil || len(x.Schedule) < len(w.Schedule) {
			w.s, w.Failure = s, x
		}
	}
}

func (w *worst) shrink(t *testing.T) {
	t.Helper()
	if w.s != nil {
		x := Shrink(t, w.s, w.Failure)
		t.Errorf("the shortest: %s: %s\n\tReplay(t, &%#v,\n\t\t%q)", x.Rule, x.Text, *w.s, x.Schedule)
	}
}

// TestExplorer_Random follows schedules of three processes that are drawn by
// lot: everything at once, with a steady store and a failing one. There are
// EXPLORE_SCHEDULES of them (500), from the seeds that begin with EXPLORE_SEED
// (0).
func TestExplorer_Random(t *testing.T) {
	const each = 10
	schedules, first := number("EXPLORE_SCHEDULES", 500), number("EXPLORE_SEED", 0)
	var total Found
	var worst worst
	begin := time.Now()
	for seed := first; (seed-first)*each < schedules || time.Since(begin) < *long/4; seed++ {
		s := drawn(seed)
		f := Random(t, &s, seed, each)
		total.Add(f)
		worst.report(t, &s, f)
	}
	t.Logf("in all: %v", &total)
	worst.shrink(t)
}

// number returns the number in an environment variable, or what it is by
// default.
func number(name string, byDefault uint64) uint64 {
	if n, err := strconv.ParseUint(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return byDefault
}

// drawn returns the scenario of a seed.
func drawn(seed uint64) Scenario {
	names := []string{"Token", "SetToken", "FetchToken", "RefreshToken", "Revoke", "Invalidate"}
	s := Scenario{
		Name: fmt.Sprintf("seed %d", seed), Store: Kind(seed % 3), Stored: Stored(seed / 3 % 5),
		Interactive: seed/15%2 == 1, Calls: make([]string, 3), Faults: int(seed % 2 * 3),
	}
	for p := range s.Calls {
		var calls []string
		for i := range 3 {
			calls = append(calls, names[(seed*7+uint64(p*5+i*11))%uint64(len(names))])
		}
		s.Calls[p] = strings.Join(calls, " ")
	}
	return s
}
