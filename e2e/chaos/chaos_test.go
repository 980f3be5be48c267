package chaos

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

const (
	fleetSize = 5
	signIns   = 6
)

// TestChaos runs every store through the chaos of a seed. See the package's
// comment for how to run it longer.
func TestChaos(t *testing.T) {
	d := settingOf(t, "CHAOS", 15*time.Second, time.ParseDuration)
	number := func(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) }
	seeds, first := settingOf(t, "CHAOS_SEEDS", 1, number), settingOf(t, "CHAOS_SEED", 1, number)
	only := os.Getenv("CHAOS_STORE")
	for _, k := range kinds {
		if only != "" && !slices.Contains(strings.Split(only, ","), k.name) {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			for seed := first; seed < first+seeds; seed++ {
				t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { newRun(t, k, seed, d).run() })
			}
		})
	}
}

func settingOf[T any](t *testing.T, name string, otherwise T, parse func(string) (T, error)) T {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	v, err := parse(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

// run is one seed on one store.
type run struct {
	t       *testing.T
	kind    kind
	rng     *rand.Rand
	d       time.Duration
	journal *journal
	site    site
	server  *server
	keys    []string
	fleet   *fleet

	lost chan string // the sign-ins that have ended
}

func newRun(t *testing.T, k kind, seed uint64, d time.Duration) *run {
	t.Helper()
	r := &run{
		t: t, kind: k, rng: rand.New(rand.NewPCG(seed, 9)), d: d, journal: &journal{}, lost: make(chan string, 10000),
	}
	for i := range signIns {
		r.keys = append(r.keys, fmt.Sprintf("user-%d", i+1))
	}
	t.Cleanup(r.keep)
	r.site = k.start(t)
	r.server = startServer(t, r.journal, func(key string) { r.lost <- key })
	return r
}

func (r *run) run() {
	person := r.person()
	first := todoOf(r.t, r.keys)
	r.journal.listen(func(e entry) {
		if e.What == saves && e.Who == thePerson {
			first.done(e.Key)
		}
	})
	for _, key := range r.keys {
		r.lost <- key
	}
	first.wait("the first sign-ins are saved")
	r.fleet = startFleet(r.t, r.journal, spec{
		Kind: r.kind.name, Place: r.site.place, Keys: r.keys, TokenURL: r.server.tokenURL(),
	}, fleetSize)
	r.settle("before the chaos")
	r.chaos()
	r.settle("after the chaos")
	r.fleet.end()
	close(r.lost)
	<-person
	r.look()
	if n := r.site.left(r.t); n != 0 {
		r.t.Errorf("%d locks or temporary files are left", n)
	}
	r.judge()
}

// person signs in anew wherever a sign-in has ended, until there are no more to
// come.
func (r *run) person() (done chan struct{}) {
	store, err := r.kind.open(r.site.direct)
	must(r.t, err)
	done = make(chan struct{})
	go func() {
		defer close(done)
		var signing sync.WaitGroup
		for key := range r.lost {
			signing.Go(func() { r.signIn(store, key) })
		}
		signing.Wait()
		if err := store.close(); err != nil {
			r.t.Error(err)
		}
	}()
	return done
}

// signIn saves the token of a new sign-in under the lock.
func (r *run) signIn(o opened, key string) {
	store, err := o.store(key)
	if err != nil {
		r.t.Error(err)
		return
	}
	token := r.server.signIn(key)
	try := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), progress.Limit)
		defer cancel()
		held, unlock, err := store.Lock(ctx)
		if err != nil {
			return err
		}
		defer unlock()
		if !r.server.granter.Active(token.RefreshToken) {
			return nil // a try whose outcome was unknown had saved it
		}
		return store.Save(held, token)
	}
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) { // nobody tells when a store is back
		if err = try(); err == nil {
			r.journal.add(entry{Who: thePerson, What: saves, Key: key, Refresh: fingerprint(token.RefreshToken)})
			return
		}
		if time.Since(begin) > 2*progress.Limit {
			r.t.Errorf("no sign-in of %s can be saved: %v", key, err)
			return
		}
	}
}

// look makes sure that the store ends with sign-ins that are good.
func (r *run) look() {
	all, err := r.kind.open(r.site.direct)
	must(r.t, err)
	defer func() { must(r.t, all.close()) }()
	for _, key := range r.keys {
		store, err := all.store(key)
		must(r.t, err)
		if token, err := store.Load(r.t.Context()); err != nil || !r.server.granter.Active(token.RefreshToken) {
			r.t.Errorf("the store ends with no good refresh token for %s: %v", key, err)
		}
	}
}

// chaos lets everything happen that the seed has chosen.
func (r *run) chaos() {
	var tracks []track
	for _, s := range r.fleet.slots {
		tracks = append(tracks, schedule(r.rng, fmt.Sprint(s.n), s.faults(), 5*time.Second, r.d))
	}
	tracks = append(tracks,
		schedule(r.rng, theStore, r.site.faults, 5*time.Second, r.d),
		schedule(r.rng, theServer, r.server.faults(), 5*time.Second, r.d))
	for _, one := range tracks {
		r.t.Log(one)
	}
	begin := time.Now()
	var all sync.WaitGroup
	for _, one := range tracks {
		all.Go(func() { r.follow(one, begin) })
	}
	all.Wait()
	time.Sleep(time.Until(begin.Add(r.d)))
}

func (r *run) follow(all track, begin time.Time) {
	for _, s := range all.steps {
		time.Sleep(time.Until(begin.Add(s.at)))
		since := time.Now()
		s.do(r.t, func() { time.Sleep(s.d) })
		if all.who == theStore || all.who == theServer {
			r.journal.add(entry{Begin: since, Who: all.who, What: cmp.Or(s.deed, troubles), Err: s.name})
		}
	}
}

// settle waits until every process has given its callers, for each sign-in, a
// token that came after this call.
func (r *run) settle(when string) {
	r.t.Helper()
	waits := todoOf[[2]string](r.t, nil)
	for _, s := range r.fleet.slots {
		_, who := s.current()
		for _, key := range r.keys {
			waits.left[[2]string{who, key}] = true
		}
	}
	var mu sync.Mutex
	fresh := map[string]bool{}
	r.journal.listen(func(e entry) {
		mu.Lock()
		defer mu.Unlock()
		switch e.What {
		case issues, rotates:
			fresh[e.Next] = true
		case gives:
			if fresh[e.Refresh] {
				waits.done([2]string{e.Who, e.Key})
			}
		}
	})
	waits.wait(when + " every process has a new token for each sign-in")
}

// keep writes the journal into the folder that CHAOS_JOURNAL names.
func (r *run) keep() {
	dir := os.Getenv("CHAOS_JOURNAL")
	if dir == "" {
		return
	}
	var b strings.Builder
	for _, e := range r.journal.read() {
		fmt.Fprintln(&b, e)
	}
	name := strings.NewReplacer("/", "-").Replace(r.t.Name()) + ".log"
	must(r.t, os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o600))
}

// judge fails the test for everything that has no excuse.
func (r *run) judge() {
	r.t.Helper()
	entries := r.journal.read()
	count := map[deed]int{}
	var longest time.Duration
	for _, e := range entries {
		if count[e.What]++; e.What == gives {
			longest = max(longest, e.At.Sub(e.Begin))
		}
	}
	found := judge(r.kind, entries)
	r.t.Logf("%d refreshes, %d kills, %d stops, %d troubles, %d failovers; %d sign-ins lost; longest wait %v",
		count[rotates], count[kills], count[stops], count[troubles], count[failsOver], count[revokes],
		longest.Round(time.Millisecond))
	unexcused := 0
	for _, f := range found {
		if f.why != "" {
			r.t.Logf("%s %s: %s: %s", f.at.Format("05.000"), f.key, f.what, f.why)
			continue
		}
		if unexcused++; unexcused <= 3 {
			r.t.Errorf("%s %s: %s\n%s", f.at.Format("05.000"), f.key, f.what, court{r.kind, entries}.timeline(f))
		} else {
			r.t.Errorf("%s %s: %s", f.at.Format("05.000"), f.key, f.what)
		}
	}
	if count[rotates] < signIns {
		r.t.Errorf("%d refreshes: the fleet did not live", count[rotates])
	}
}
