package e2e

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

var fleetTime = flag.Duration("fleet", 0, "how long the fleet calls; zero: 60 s on oidc-provider with the first "+
	"store and 20 s elsewhere, in CI, and 6 s otherwise")

const (
	fleetSize = 20
	fleetLife = 2 * time.Second // of access tokens
)

// TestFleet_KeepsOneRefreshToken lets 1,000 goroutines in 20 processes live on
// one refresh token, which any second use would have revoked.
func TestFleet_KeepsOneRefreshToken(t *testing.T) {
	for i, c := range fleets() {
		t.Run(c.String(), func(t *testing.T) {
			if i > 0 { // the first has the machine for itself
				t.Parallel()
			}
			s, store := c.start(t, fleetLife), c.store.at(t)
			store.put(t, s.signIn(t))
			fleetLives(t, s, store, spec{Own: true}, fleetLife, fleetTimeOf(i))
		})
	}
}

// fleetLives lets a fleet live on the token in the store, for d, with access
// tokens of that life.
func fleetLives(t *testing.T, s rotating, c common, each spec, life, d time.Duration) {
	t.Helper()
	each.Issuer = s.issuer
	fleet := make([]*process, fleetSize)
	for i := range fleet {
		fleet[i] = c.start(t, each)
	}
	for _, p := range fleet {
		p.tokenFrom(t, doToken) // the first of them renews if that has become due
	}
	before, begin := s.tokenRequests(), time.Now()
	reports := make([]pending, len(fleet))
	for i, p := range fleet {
		reports[i] = p.order(t, order{Do: doCall, For: d})
	}
	if each.Bound { // so that it is the right key
		for _, p := range fleet {
			p.tokenFrom(t, doUse)
		}
	}
	var sum calls
	for _, r := range reports {
		add(t, &sum, r.wait(t).Calls)
	}
	requests, took := s.tokenRequests()-before, time.Since(begin)
	for _, p := range fleet {
		p.end(t)
	}

	t.Logf("%d processes, %d goroutines each, %v: %d calls served, %d failed, longest wait %v; %d token requests, %d "+
		"refused",
		fleetSize, callersEach, d, sum.Served, sum.Failed, sum.Longest.Round(time.Microsecond), requests, s.refusals())
	if most := int(took/(life/12*7)) + 2; requests > most {
		t.Errorf("%d token requests, want at most %d", requests, most)
	}
	if requests < 2 || sum.Served < fleetSize*callersEach {
		t.Errorf("%d token requests and %d calls: the fleet did not live", requests, sum.Served)
	}
	if n := s.refusals(); n != 0 {
		t.Errorf("the server refused %d token requests", n)
	}
	if sum.Longest > progress.Limit {
		t.Errorf("a call waited for %v", sum.Longest)
	}
	if last := c.get(t); last.RefreshToken == "" {
		t.Error("the refresh token is gone")
	} else {
		s.wantActive(t, "the last refresh token", last.RefreshToken)
	}
}

func fleetTimeOf(combination int) time.Duration {
	switch {
	case *fleetTime != 0:
		return *fleetTime
	case os.Getenv("CI") != "true":
		return 6 * time.Second
	case combination == 0:
		return time.Minute
	default:
		return 20 * time.Second
	}
}

// add sums up, and fails the test for every call that got no token, or an old
// one.
func add(t *testing.T, sum, c *calls) {
	t.Helper()
	if c.Failed != 0 || c.Expired != 0 {
		t.Errorf("%d calls failed and %d were given an expired token: %s", c.Failed, c.Expired, c.Err)
	}
	sum.Served += c.Served
	sum.Failed += c.Failed
	sum.Longest = max(sum.Longest, c.Longest)
}
