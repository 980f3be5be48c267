package oauth2grant_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// refusing is an API that takes no token at all.
var refusing = tripper(func(r *http.Request) (*http.Response, error) {
	h := http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
	return &http.Response{StatusCode: http.StatusUnauthorized, Header: h, Body: http.NoBody, Request: r}, nil
})

func TestFleet_AnAPIThatRefusesEverythingCausesNoStorm(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		const grants, minutes = 100, 10
		apis := make([]http.RoundTripper, grants)
		for i := range apis {
			apis[i] = newGrant(w.T, oauth2grant.RefreshOnly{}, w.config()).Transport(refusing)
		}
		w.srv.Reset()
		for range minutes * 60 {
			atOnce(grants, func(i int) {
				req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, "https://api.example/", nil)
				if err != nil {
					t.Error(err)
					return
				}
				res, err := apis[i].RoundTrip(req)
				if err != nil || res.StatusCode != http.StatusUnauthorized {
					t.Errorf("got %v, %v", res, err)
				}
			})
			time.Sleep(time.Second)
		}
		if n := w.srv.Count(granttest.Token); n > 7*minutes {
			t.Errorf("%d token requests in %d minutes, want at most 7 a minute", n, minutes)
		}
	})
}

// fleetOf returns how many grants TestFleet_HasATokenThroughAnOutage has, and
// how often it is run. With FLEET=full in the environment, as by make fleet, it
// is a thousand, ten times.
func fleetOf() (grants, seeds int) {
	if os.Getenv("FLEET") == "full" {
		return 1000, 10
	}
	return 200, 1
}

func TestFleet_HasATokenThroughAnOutageOfEighteenMinutes(t *testing.T) {
	grants, seeds := fleetOf()
	for name, fault := range map[string]granttest.Fault{
		"that refuses": {Status: http.StatusServiceUnavailable}, "that hangs": {Hang: true},
	} {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				dice := sync.Mutex{}
				source := rand.New(rand.NewPCG(uint64(seed), uint64(grants)))
				defer func(old func() float64) { engine.Random = old }(engine.Random)
				engine.Random = func() float64 {
					dice.Lock()
					defer dice.Unlock()
					return source.Float64()
				}
				synctest.Test(t, func(t *testing.T) { testFleetOutage(t, fault, grants) })
			})
		}
	}
}

func testFleetOutage(t *testing.T, fault granttest.Fault, grants int) {
	const calm, outage = 6 * time.Hour, 18 * time.Minute
	srv := granttest.New(granttest.Config{Lifetime: time.Hour})
	phases := make([]time.Duration, grants)
	for i := range phases {
		phases[i] = time.Duration(engine.Random() * float64(time.Hour))
	}
	slices.Sort(phases)
	fleet := make([]*oauth2grant.Grant, grants)
	start := time.Now()
	for i := range fleet {
		time.Sleep(phases[i] - time.Since(start))
		fleet[i] = open(t, oauth2grant.ClientCredentials{}, configFor(srv))
		ensure(t, fleet[i])
	}
	pass(time.Hour)
	srv.Reset()
	pass(calm)
	mean := float64(srv.Count(granttest.Token)) / float64(grants) / calm.Hours()
	t.Logf("%.3f token requests an hour and grant in calm", mean)
	if mean > 1.65 {
		t.Error("that is more than 1.65")
	}
	srv.Break(granttest.Token, fault)
	for range outage / time.Second {
		time.Sleep(time.Second)
		for i, g := range fleet {
			if !g.Status().Usable {
				t.Fatalf("grant %d is without a token", i)
			}
		}
	}
	srv.Heal(granttest.Token)
	pass(3 * time.Minute)
	for i, g := range fleet {
		if s := g.Status(); !s.Usable || s.Failures != 0 {
			t.Errorf("grant %d did not recover: %+v", i, s)
		}
	}
}

func TestFirewall_SendsNobodyToSignIn(t *testing.T) {
	inWorld(t, granttest.Config{Lifetime: 5 * time.Minute}, func(w world) {
		w.seed()
		p := &person{srv: w.srv}
		g := newGrant(w.T, p, w.config())
		w.ensure(g)
		w.srv.Break(granttest.Token, granttest.HTML(http.StatusForbidden))
		for range 10 * 60 {
			if err := g.EnsureActiveToken(w.Context()); errors.Is(err, oauth2grant.ErrLoginRequired) {
				t.Fatalf("a page of a firewall became %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := p.tabs.Load(); n != 0 {
			t.Errorf("%d tabs were opened", n)
		}
		w.srv.Heal(granttest.Token)
		time.Sleep(maxBackOff)
		w.ensure(g)
	})
}
