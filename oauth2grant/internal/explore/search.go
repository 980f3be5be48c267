package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Found is what a search has seen.
type Found struct {
	Schedules int       // that were run to rest
	Pruned    int       // that were not, since another order of the same came before
	Strayed   int       // that met other choices when they were repeated: the code has left something to chance
	Failures  []Failure // the shortest for every rule that was broken

	hashes map[uint64]struct{} // of the schedules
}

// Distinct returns how many of the schedules differ.
func (f *Found) Distinct() int { return len(f.hashes) }

// Failure is a schedule that breaks a rule.
type Failure struct {
	Rule     string
	Text     string
	Schedule string // for Replay
}

func (f *Found) String() string {
	return fmt.Sprintf("%d schedules, %d of them distinct, %d pruned, %d strayed",
		f.Schedules, f.Distinct(), f.Pruned, f.Strayed)
}

// Add adds what another search has seen.
func (f *Found) Add(g Found) {
	f.Schedules += g.Schedules
	f.Pruned += g.Pruned
	f.Strayed += g.Strayed
	for hash := range g.hashes {
		f.note(hash)
	}
	for _, x := range g.Failures {
		f.fail(x)
	}
}

// count counts a schedule.
func (f *Found) count(o outcome) {
	if o.cut {
		f.Pruned++
		return
	}
	f.Schedules++
	f.note(o.hash)
	if o.failure.rule != "" {
		f.fail(Failure{o.failure.rule, o.failure.text, strings.Join(o.steps, " ")})
	}
}

func (f *Found) note(hash uint64) {
	if f.hashes == nil {
		f.hashes = map[uint64]struct{}{}
	}
	f.hashes[hash] = struct{}{}
}

// fail keeps the shortest schedule for every rule.
func (f *Found) fail(x Failure) {
	i := slices.IndexFunc(f.Failures, func(y Failure) bool { return x.Rule == y.Rule })
	switch {
	case i < 0:
		f.Failures = append(f.Failures, x)
	case len(x.Schedule) < len(f.Failures[i].Schedule):
		f.Failures[i] = x
	}
}

// node is a point at which a schedule can go on in several ways.
type node struct {
	ids     []uint64 // of all choices, to notice a replay that meets others
	options []choice // worth following, without what they point to
	at      []int    // index of each among all choices
	now     int      // the option that is followed
	asleep  []choice // what another schedule has already begun with
}

// search is a depth-first search without a memory of states: each schedule
// begins anew and repeats the choices on the stack.
type search struct {
	s       *Scenario
	begins  []string // of s
	stack   []*node
	strayed int // the step, from 1 on, at which a repeated schedule met other choices; zero: none
}

// mostAgain bounds how often a schedule is repeated that leads elsewhere.
const mostAgain = 100

// Search follows every order of the first s.Orders steps, with every fault in
// the first s.Depth, as long as more reports true; nil means to the end. It
// reports whether it has come to the end.
func Search(t *testing.T, s *Scenario, more func() bool) (f Found, whole bool) {
	sr := &search{s: s, begins: strings.Fields(s.Begins)}
	for {
		if more != nil && !more() {
			return f, false
		}
		f.count(run(t, s, sr))
		for again := 0; sr.strayed > 0; again++ {
			f.Strayed++
			if again == mostAgain {
				panic("explore: " + s.Name + ": the same choices never lead to the same again")
			}
			f.count(run(t, s, sr))
		}
		if !sr.next() {
			return f, true
		}
	}
}

// choose repeats what is on the stack, and then does what was not done before.
func (sr *search) choose(step int, cs []choice) int {
	if step == 0 {
		sr.strayed = 0
	}
	if step >= len(sr.begins)+max(sr.s.Orders, sr.s.Depth) || sr.strayed > 0 {
		return 0
	}
	if step == len(sr.stack) {
		sr.stack = append(sr.stack, sr.explore(step, cs))
	}
	n := sr.stack[step]
	if len(n.options) == 0 {
		sr.stack = sr.stack[:step]
		return -1
	}
	if !slices.EqualFunc(n.ids, cs, func(id uint64, c choice) bool { return id == c.id() }) {
		sr.strayed = step + 1
		return 0
	}
	return n.at[n.now]
}

// find returns the index of the choice that a schedule calls so, negative if
// there is none.
func find(cs []choice, name string) int {
	return slices.IndexFunc(cs, func(c choice) bool { return c.String() == name })
}

func ids(cs []choice) (all []uint64) {
	for i := range cs {
		all = append(all, cs[i].id())
	}
	return all
}

func names(cs []choice) (all []string) {
	for i := range cs {
		all = append(all, cs[i].String())
	}
	return all
}

// explore makes the node of a step that is reached for the first time.
func (sr *search) explore(step int, cs []choice) *node {
	n := &node{ids: ids(cs)}
	if step < len(sr.begins) {
		i := find(cs, sr.begins[step])
		if i < 0 {
			panic(fmt.Sprintf("explore: %s can't begin with %s, but only with %v",
				sr.s.Name, sr.begins[step], names(cs)))
		}
		n.options, n.at = []choice{cs[i]}, []int{i}
		return n
	}
	step -= len(sr.begins)
	if step > 0 && step < sr.s.Orders {
		n.asleep = sr.stack[len(sr.stack)-1].sleepers()
	}
	for i := range cs {
		c := &cs[i]
		switch {
		case c.fault() && step >= max(sr.s.Depth, sr.s.Orders), !c.fault() && step >= sr.s.Orders && i > 0:
			continue
		case slices.ContainsFunc(n.asleep, func(a choice) bool { return a.id() == c.id() }):
			continue
		}
		n.options, n.at = append(n.options, *c), append(n.at, i)
	}
	return n
}

// sleepers are the choices that need not be made after the one that is followed
// now, since they were made before it, and it does not matter which comes
// first.
func (n *node) sleepers() (all []choice) {
	follows := &n.options[n.now]
	for _, before := range [][]choice{n.asleep, n.options[:n.now]} {
		for i := range before {
			if independent(&before[i], follows) {
				all = append(all, before[i])
			}
		}
	}
	return all
}

// next moves to the next schedule. It reports whether there is one.
func (sr *search) next() bool {
	for len(sr.stack) > 0 {
		n := sr.stack[len(sr.stack)-1]
		if n.now++; n.now < len(n.options) {
			return true
		}
		sr.stack = sr.stack[:len(sr.stack)-1]
	}
	return false
}

// Random follows n schedules that are drawn from seed.
func Random(t *testing.T, s *Scenario, seed uint64, n int) (f Found) {
	for i := range n {
		f.count(run(t, s, &walk{rand.New(rand.NewPCG(seed, uint64(i)))}))
	}
	return f
}

// walk chooses by chance.
type walk struct{ r *rand.Rand }

func (k *walk) choose(step int, cs []choice) int {
	right := slices.IndexFunc(cs, func(c choice) bool { return c.fault() })
	switch {
	case right < 0:
		return k.r.IntN(len(cs))
	case k.r.IntN(10) == 0:
		return right + k.r.IntN(len(cs)-right)
	default:
		return k.r.IntN(right)
	}
}

// Shrink returns a shorter schedule that breaks the same rule, if it finds one
// by leaving out steps.
func Shrink(t *testing.T, s *Scenario, x Failure) Failure {
	steps := strings.Fields(x.Schedule)
	for size := len(steps); size >= 1; size /= 2 {
		for i := len(steps) - size; i >= 0; i-- {
			if i+size > len(steps) {
				continue
			}
			shorter := slices.Delete(slices.Clone(steps), i, i+size)
			if o := run(t, s, &replay{steps: shorter}); !o.cut && o.failure.rule == x.Rule {
				steps, x.Text = shorter, o.failure.text
			}
		}
	}
	x.Schedule = strings.Join(steps, " ")
	return x
}

// Replay follows a schedule, and then lets everything come fairly to rest. A
// schedule that can't be followed fails the test.
func Replay(t *testing.T, s *Scenario, schedule string) (broken Failure) {
	t.Helper()
	r := &replay{steps: strings.Fields(schedule)}
	o := run(t, s, r)
	if o.cut {
		t.Fatalf("the schedule can't be followed: %s", r.problem)
	}
	return Failure{o.failure.rule, o.failure.text, strings.Join(o.steps, " ")}
}

type replay struct {
	steps   []string
	problem string
}

func (r *replay) choose(step int, cs []choice) int {
	if step >= len(r.steps) {
		return 0
	}
	i := find(cs, r.steps[step])
	if i < 0 {
		r.problem = fmt.Sprintf("step %d is %s, but there is only %v", step, r.steps[step], names(cs))
	}
	return i
}
