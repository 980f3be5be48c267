package e2e

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	shortLife = 6 * time.Second
	lead      = shortLife / 2 // longer than by default: the machine may be busy with other things
	slowness  = 50 * time.Millisecond
	watched   = 20 * time.Second
)

// TestLifetime_NobodyWaitsForAnExpiringToken makes every call but the
// first with a context that has ended: such a call fails if it would have to
// wait.
func TestLifetime_NobodyWaitsForAnExpiringToken(t *testing.T) {
	for _, k := range kinds {
		life := shortLife
		if k.name == fosite {
			life += time.Second // it rounds down what it says
		}
		s := k.start(t, settings{lifetime: life, delay: slowness})
		for _, tc := range []struct {
			name  string
			every time.Duration
		}{
			{"200 calls a second", 5 * time.Millisecond},
			{"calls further apart than the token lives", life * 5 / 4},
		} {
			t.Run(k.name+" "+tc.name, func(t *testing.T) {
				t.Parallel()
				neverWaits(t, s, tc.every)
			})
		}
	}
}

func neverWaits(t *testing.T, s *authServer, every time.Duration) {
	t.Helper()
	w := newTap(t)
	cfg := s.config(worker, "read")
	cfg.HTTPClient = w.client()
	cfg.Refresh.Before = lead
	g := newGrant(t, oauth2grant.ClientCredentials{}, cfg)
	start := time.Now()
	if err := g.EnsureActiveToken(t.Context()); err != nil {
		t.Fatal(err)
	}

	gone, leave := context.WithCancel(t.Context())
	leave()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var took []time.Duration
	used := http.Header{}
	for now := start; now.Sub(start) < watched; now = <-tick.C {
		h := http.Header{}
		began := time.Now()
		if err := g.PrepareRequest(gone, h); err != nil {
			t.Fatalf("after %v a call had to wait: %v", time.Since(start), err)
		}
		took = append(took, time.Since(began))
		if token := h.Get("Authorization"); token != used.Get("Authorization") {
			used = h
			s.wantActive(t, "the token of the call", token[len("Bearer "):])
		}
	}
	slices.Sort(took)
	t.Logf("%d calls: half took at most %v, 99 %% at most %v, all at most %v", len(took), took[len(took)/2],
		took[len(took)*99/100], took[len(took)-1])
	renewedInTime(t, w.tokenRequests(), time.Since(start))
}

// renewedInTime compares the number of requests with the schedule: renewal
// comes the lead before expiry, or up to half the lead earlier.
func renewedInTime(t *testing.T, requests []exchange, elapsed time.Duration) {
	t.Helper()
	const longest = shortLife + time.Second // what a token lives at most
	least, most := int(elapsed/longest), 1+int(elapsed/(shortLife-lead*3/2))
	t.Logf("%d token requests in %v", len(requests), elapsed)
	if n := len(requests); n < least || n > most {
		t.Errorf("want %d to %d", least, most)
	}
	for _, x := range requests {
		if x.err != nil {
			t.Errorf("a token request failed: %v", x.err)
		}
	}
}
