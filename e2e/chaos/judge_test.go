package chaos

import (
	"strings"
	"testing"
	"time"
)

// at returns a time of a made-up journal.
func at(seconds float64) time.Time {
	return time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds * float64(time.Second)))
}

// during is what went on from one time to another.
func during(from, to float64, e entry) entry {
	e.Begin, e.At = at(from), at(to)
	return e
}

func when(second float64, e entry) entry { return during(second, second, e) }

// twice is the journal of a refresh token that 1.1 sent at 10 s, and 2.1 after
// it, which ended the sign-in.
func twice(again float64, between ...entry) []entry {
	of := func(who string, what deed) entry {
		return entry{Who: who, What: what, Key: "user", Request: who + "-1", Refresh: "r1"}
	}
	spends := of("1.1", rotates)
	spends.Next = "r2"
	return append([]entry{
		when(9, entry{Who: thePerson, What: issues, Key: "user", Next: "r1"}),
		when(10, of("1.1", sends)),
		during(10.1, 10.2, spends),
		when(again, of("2.1", sends)),
		during(again, again+0.1, of("2.1", revokes)),
		when(again+0.2, of("2.1", answered)),
	}, between...)
}

func TestJudge_ExcusesALossOnlyWhereNobodyCouldHelpIt(t *testing.T) {
	has := entry{Who: "1.1", What: answered, Key: "user", Request: "1.1-1"}
	lacks := entry{Who: "1.1", What: unanswered, Key: "user", Request: "1.1-1"}
	saved := entry{Who: "1.1", What: saves, Key: "user", Refresh: "r2"}
	killed, stopped := entry{Who: "1.1", What: kills}, entry{Who: "1.1", What: stops}
	closed := entry{Who: "1.1", What: endsWell}
	cut, slow := entry{Who: theServer, What: troubles, Err: "cut"}, entry{Who: theServer, What: troubles, Err: "slow"}
	away := entry{Who: theStore, What: troubles, Err: "stopped"}
	over := entry{Who: theStore, What: failsOver, Err: "master killed"}
	leases, locked, replicated := kind{lease: lease}, kind{}, kind{lease: lease, back: true}
	for name, tc := range map[string]struct {
		kind    kind
		entries []entry
		why     string // empty: no excuse
	}{
		"nothing happened":                        {leases, twice(20, when(10.3, has)), ""},
		"the holder was killed before its answer": {leases, twice(21, during(10.25, 10.3, killed)), "killed"},
		"with the answer": {
			leases, twice(21, when(10.3, has), when(10.5, killed)), "killed",
		},
		"long after the answer": {leases, twice(60, when(10.3, has), when(40, killed)), ""},
		"long after, but the store was away": {
			leases, twice(60, when(10.3, has), during(10.2, 39, away), when(40, killed)), "killed",
		},
		"after it was saved": {
			leases, twice(21, when(10.3, has), when(10.4, saved), when(10.5, killed)), "",
		},
		"another one was killed": {
			leases, twice(21, when(10.3, has), when(10.5, entry{Who: "3.1", What: kills})), "",
		},
		"stopped for longer than the mark":    {leases, twice(21, during(10.3, 22, stopped)), "stopped"},
		"stopped for longer, but lost before": {leases, twice(16, during(10.3, 22, stopped)), ""},
		"stopped for less":                    {leases, twice(16, during(10.3, 15, stopped)), ""},
		"stopped, and then the store was away": {
			leases, twice(21, during(10.3, 15, stopped), during(14.5, 20.5, away)), "stopped while the store was away",
		},
		"the store was away": {
			leases, twice(24, when(10.3, has), during(10.2, 23, away)), "",
		},
		"stopped, with a lock that lives as long": {locked, twice(22, during(10.3, 21.5, stopped)), ""},
		"the answer was cut off": {
			leases, twice(12, during(10.3, 10.4, lacks), when(10.35, cut)), "lost on the wire",
		},
		"cut off after it was there": {leases, twice(12, when(10.3, has), when(10.35, cut)), ""},
		"the server was slow": {
			leases, twice(12, when(10.3, lacks), during(10, 12, slow)), "",
		},
		"closed while the store was away": {
			leases, twice(30, when(10.3, has), during(10.4, 20, closed), during(10.2, 21, away)),
			"closed while the store",
		},
		"closed while all was well": {
			leases, twice(30, when(10.3, has), during(10.4, 20, closed)), "",
		},
		"closed while the server was slow": {
			leases, twice(30, during(10.4, 20, closed), during(10, 13, slow)), "",
		},
		"the store went back, and who knew was killed": {
			replicated, twice(30, when(10.3, has), when(10.4, saved), during(11, 15, over), when(12, killed)),
			"went back",
		},
		"the store went back, and who knew lives": {
			replicated, twice(30, when(10.3, has), when(10.4, saved), during(11, 15, over)), "",
		},
		"a store that can't go back has done it": {
			leases, twice(30, when(10.3, has), when(10.4, saved), during(11, 15, over), when(12, killed)), "",
		},
		"another has it, who lives, and it is back": {
			replicated, twice(30, when(10.4, saved), during(11, 15, over), when(12, killed),
				when(10.5, entry{Who: "3.1", What: loads, Key: "user", Refresh: "r2"})), "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			j := &journal{}
			for _, e := range tc.entries {
				j.add(e)
			}
			found := judge(tc.kind, j.read())
			if len(found) == 0 {
				t.Fatal("the judge has found nothing")
			}
			if why := found[0].why; (why == "") != (tc.why == "") || !strings.Contains(why, tc.why) {
				t.Errorf("the judge says %q, want %q: %s", why, tc.why, found[0].what)
			}
		})
	}
}

func TestJudge_FindsWhatMustNotBe(t *testing.T) {
	saw := func(from, to float64, who, token string) entry {
		return during(from, to, entry{Who: who, What: loads, Key: "user", Refresh: token})
	}
	gave := func(second float64, who, token string) entry {
		return when(second, entry{Who: who, What: gives, Key: "user", Refresh: token})
	}
	tokens := []entry{
		when(1, entry{Who: thePerson, What: issues, Key: "user", Next: "r1"}),
		when(2, entry{Who: "1.1", What: rotates, Key: "user", Refresh: "r1", Next: "r2", Request: "1.1-1"}),
		when(2.1, entry{Who: "1.1", What: answered, Key: "user", Request: "1.1-1"}),
	}
	for name, tc := range map[string]struct {
		entries []entry
		want    string // empty: nothing
	}{
		"tokens in turn": {
			[]entry{saw(1, 1.1, "1.1", "r1"), saw(3, 3.1, "1.1", "r2"), gave(3.1, "1.1", "r2")}, "",
		},
		"a store that goes back": {
			[]entry{saw(3, 3.1, "1.1", "r2"), saw(4, 4.1, "2.1", "r1")}, "older",
		},
		"a store that loses what was saved when it fails over": {
			[]entry{
				saw(3, 3.1, "1.1", "r2"), when(3, entry{Who: "1.1", What: saves, Key: "user", Refresh: "r2"}),
				during(3.2, 3.5, entry{Who: theStore, What: failsOver}), saw(4, 4.1, "2.1", "r1"),
			}, "older",
		},
		"two looks at the same time": {
			[]entry{saw(3, 3.5, "1.1", "r2"), saw(3.4, 4, "2.1", "r1")}, "",
		},
		"a process that goes back":           {[]entry{gave(3, "1.1", "r2"), gave(4, "1.1", "r1")}, "older"},
		"one process that is behind another": {[]entry{gave(3, "1.1", "r2"), gave(4, "2.1", "r1")}, ""},
		"an empty store": {
			[]entry{when(3, entry{Who: "1.1", What: misses, Key: "user"})}, "lost the token",
		},
		"a request without the lock": {
			[]entry{when(3, entry{Who: "1.1", What: sendsFree, Key: "user", Request: "1.1-2"})}, "without the lock",
		},
		"a leak": {
			[]entry{when(3, entry{Who: "1.1", What: leaks, Err: "a goroutine"})}, "leaks",
		},
		"a sign-in that nobody has ended": {
			[]entry{when(3, entry{Who: "1.1", What: needsLogin, Key: "user"})}, "asks for a sign-in",
		},
		"one request after another": {[]entry{
			when(3, entry{Who: "1.1", What: sends, Key: "user", Request: "1.1-2"}),
			when(4, entry{Who: "1.1", What: rotates, Key: "user", Request: "1.1-2", Refresh: "r2", Next: "r3"}),
			when(5, entry{Who: "1.1", What: answered, Key: "user", Request: "1.1-2"}),
			when(5.1, entry{Who: "2.1", What: sends, Key: "user", Request: "2.1-1"}),
			when(5.2, entry{Who: "2.1", What: rotates, Key: "user", Request: "2.1-1", Refresh: "r3", Next: "r4"}),
		}, ""},
		"two requests at the same time": {[]entry{
			when(3, entry{Who: "1.1", What: sends, Key: "user", Request: "1.1-2"}),
			when(4, entry{Who: "1.1", What: rotates, Key: "user", Request: "1.1-2", Refresh: "r2", Next: "r3"}),
			when(3.5, entry{Who: "2.1", What: sends, Key: "user", Request: "2.1-1"}),
			when(4.1, entry{Who: "2.1", What: refuses, Key: "user", Request: "2.1-1", Refresh: "r2"}),
			when(5, entry{Who: "1.1", What: answered, Key: "user", Request: "1.1-2"}),
		}, "at the same time"},
	} {
		t.Run(name, func(t *testing.T) {
			j := &journal{}
			for _, e := range append(tokens, tc.entries...) {
				j.add(e)
			}
			found := judge(kind{lease: lease, back: true}, j.read())
			switch {
			case tc.want == "" && len(found) > 0:
				t.Errorf("the judge has found %q", found[0].what)
			case tc.want != "" && (len(found) != 1 || !strings.Contains(found[0].what, tc.want) || found[0].why != ""):
				t.Errorf("the judge has found %+v, want one that is %q", found, tc.want)
			}
		})
	}
}
