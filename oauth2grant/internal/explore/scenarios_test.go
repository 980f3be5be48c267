package explore

import (
	"flag"
	"strings"
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
		add(Scenario{Name: "two are asked to renew", Stored: Fresh, Calls: []string{"RefreshToken", "RefreshToken"}})
		add(Scenario{Name: "two are refused", Stored: Fresh, Calls: []string{"Invalidate", "Invalidate"}})
		add(Scenario{Name: "two sign in", Stored: Nothing, Interactive: true, Calls: []string{"Token", "Token"}})
		add(Scenario{Name: "one signs in for two", Stored: Nothing, Interactive: true, Calls: []string{"Token", "SetStale"}})
		add(Scenario{Name: "one renews and one signs out", Stored: Due, Calls: []string{"", "Revoke"}})
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
	var total Found
	t.Run("search", func(t *testing.T) {
		for _, s := range all {
			t.Run(s.Name, func(t *testing.T) {
				f := explored(t, s, *long/time.Duration(len(all)))
				total.Schedules, total.Distinct = total.Schedules+f.Schedules, total.Distinct+f.Distinct
				total.Pruned, total.Strayed = total.Pruned+f.Pruned, total.Strayed+f.Strayed
				report(t, s, f)
			})
		}
	})
	t.Logf("in all: %v", total)
}

// explored searches s: the small search of every run, and for as long as it may
// take, deeper ones.
func explored(t *testing.T, s *Scenario, limit time.Duration) Found {
	s.Orders, s.Depth = 3, 12
	if limit == 0 {
		return Search(t, s, nil)
	}
	end := time.Now().Add(limit)
	s.Orders, s.Depth = 8, 40
	return Search(t, s, func() bool { return time.Now().Before(end) })
}

func report(t *testing.T, s *Scenario, f Found) {
	t.Helper()
	t.Logf("%d steps in every order, faults in %d: %v", s.Orders, s.Depth, f)
	for _, x := range f.Failures {
		x = Shrink(t, s, x)
		t.Errorf("%s: %s\n\tReplay(t, %#v,\n\t\t%q)", x.Rule, x.Text, *s, x.Schedule)
	}
}

// TestExplorer_Random follows schedules of three processes that are drawn by
// lot, from the same seeds in every run.
func TestExplorer_Random(t *testing.T) {
	const seeds, schedules = 24, 40
	for seed := range uint64(seeds) {
		s := drawn(seed)
		t.Run(s.Name, func(t *testing.T) { report(t, &s, Random(t, &s, seed, schedules)) })
	}
}

// drawn returns the scenario of a seed.
func drawn(seed uint64) Scenario {
	names := []string{"Token", "SetToken", "FetchToken", "RefreshToken", "Revoke", "Invalidate"}
	s := Scenario{
		Name: "seed", Store: Kind(seed % 3), Stored: Stored(seed / 3 % 4), Interactive: seed/12%2 == 1,
		Calls: make([]string, 3), Faults: 2,
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
