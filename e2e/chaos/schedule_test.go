package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// fault is what may happen to one party.
type fault struct {
	name        string
	deed        deed // that is written down of it; empty: troubles
	weight      int  // how often, compared with the others
	least, most time.Duration
	do          func(t *testing.T, pass func()) // pass returns when its time is over
}

// step is a fault at its time, counted from the beginning.
type step struct {
	fault
	at, d time.Duration
}

func (s step) String() string { return fmt.Sprintf("%v %s %v", s.at, s.name, s.d) }

// track is what happens to one party, one thing after the other.
type track struct {
	who   string
	steps []step
}

func (t track) String() string {
	words := make([]string, len(t.steps))
	for i, s := range t.steps {
		words[i] = s.String()
	}
	return fmt.Sprintf("%-7s %s", t.who, strings.Join(words, ", "))
}

// schedule chooses what happens to a party until limit, with rests of at most
// so long.
func schedule(rng *rand.Rand, who string, faults []fault, rest, limit time.Duration) track {
	between := func(least, most time.Duration) time.Duration {
		return (least + time.Duration(rng.Int64N(int64(most-least)+1))).Round(time.Millisecond)
	}
	sum := 0
	for _, f := range faults {
		sum += f.weight
	}
	all := track{who: who}
	for at := between(0, rest); sum > 0 && at < limit; {
		n, i := rng.IntN(sum), 0
		for ; n >= faults[i].weight; i++ {
			n -= faults[i].weight
		}
		f := faults[i]
		if d := between(f.least, f.most); at+d < limit {
			all.steps = append(all.steps, step{f, at, d})
			at += d
		}
		at += between(rest/5, rest)
	}
	return all
}

func TestSchedule_IsThatOfItsSeed(t *testing.T) {
	faults := []fault{
		{name: "short", weight: 3, most: time.Second},
		{name: "long", weight: 1, least: 2 * time.Second, most: 4 * time.Second},
	}
	of := func(seed uint64) track {
		return schedule(rand.New(rand.NewPCG(seed, 0)), "store", faults, 3*time.Second, time.Hour)
	}
	one := of(1)
	if again, other := of(1), of(2); one.String() != again.String() || one.String() == other.String() {
		t.Error("the seed does not choose the schedule")
	}
	count, end := map[string]int{}, time.Duration(0)
	for _, s := range one.steps {
		count[s.name]++
		if s.d < s.least || s.d > s.most || s.at < end || s.at+s.d > time.Hour {
			t.Errorf("a step is out of its bounds: %v", s)
		}
		end = s.at + s.d
	}
	if count["long"] == 0 || count["short"] < 2*count["long"] {
		t.Errorf("the steps are %v: not by weight", count)
	}
}
