package bench

import "time"

// scale is how much of everything a run does.
type scale struct {
	rounds  int           // of what is measured by turns
	each    time.Duration // one turn: so short that few are interrupted
	procs   []int         // processors, and goroutines, of question A
	callers []int         // of question C
	repeats int           // of question C
	expiry  time.Duration // how long question D watches each peer
	live    []int         // grants of question E
	keys    int           // of its Pool
	idle    time.Duration // for which question E measures what doing nothing costs
	fleet   int           // grants of question F
	outage  time.Duration // of question F
	calm    time.Duration // before an outage
	soak    time.Duration // of question G; zero: none
}

var scales = map[string]scale{
	"tiny": {
		rounds: 1, each: time.Millisecond, procs: []int{1, 2}, callers: []int{20}, repeats: 1,
		live: []int{100}, keys: 20,
		idle: 10 * time.Millisecond, fleet: 10, outage: 10 * time.Second, calm: time.Hour,
	},
	"quick": {
		rounds: 21, each: 3 * time.Millisecond, procs: []int{1, 2, 64}, callers: []int{100, 1000, 10_000}, repeats: 3,
		expiry: 3500 * time.Millisecond, live: []int{10_000, 100_000}, keys: 10_000, idle: 4 * time.Second, fleet: 1000,
		outage: time.Minute, calm: time.Hour, soak: 10 * time.Second,
	},
	"full": {
		rounds: 51, each: 3 * time.Millisecond, procs: []int{1, 2, 64}, callers: []int{100, 1000, 10_000}, repeats: 5,
		expiry: 15 * time.Second, live: []int{10_000, 100_000}, keys: 10_000, idle: 20 * time.Second, fleet: 1000,
		outage: 10 * time.Minute, calm: 6 * time.Hour, soak: 10 * time.Minute,
	},
}
