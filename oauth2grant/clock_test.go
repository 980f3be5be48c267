package oauth2grant_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// jumping moves the wall clock by what it returns, in nanoseconds.
func jumping(t *testing.T) *atomic.Int64 {
	t.Helper()
	var by atomic.Int64
	t.Cleanup(oauth2grant.SetClock(func() time.Time {
		return time.Now().Round(0).Add(time.Duration(by.Load()))
	}))
	return &by
}

func TestClock_JumpsByADayCostNoCall(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": 24 * time.Hour, "back": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				by := jumping(t)
				srv := granttest.New(granttest.Config{})
				g := open(t, alice(), configFor(srv))
				api := g.Transport(tripper(func(r *http.Request) (*http.Response, error) {
					status := http.StatusOK
					if !srv.Active(r.Header.Get("Authorization")[len("Bearer "):]) {
						status = http.StatusUnauthorized
					}
					return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
				}))
				for minute := range 4 * 60 {
					if minute == 30 {
						by.Store(int64(jump))
					}
					req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/", nil)
					if err != nil {
						t.Fatal(err)
					}
					if res, err := api.RoundTrip(req); err != nil || res.StatusCode != http.StatusOK {
						t.Fatalf("minute %d: %v, %v", minute, res, err)
					}
					time.Sleep(time.Minute)
				}
				if n := srv.Count(granttest.Token); n > 10 {
					t.Errorf("%d token requests in four hours", n)
				}
			})
		})
	}
}

// PrepareRequest has no 401 to learn from: only the clocks say that a token has
// expired.
func TestClock_ThatIsSetBackLeavesNobodyWithADeadToken(t *testing.T) {
	for name, c := range map[string]struct{ first, then time.Duration }{
		"by an hour":                       {0, -time.Hour},
		"by a day":                         {0, -24 * time.Hour},
		"after it was wrong when it began": {24 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				by := jumping(t)
				by.Store(int64(c.first))
				srv := granttest.New(granttest.Config{})
				g := open(t, oauth2grant.ClientCredentials{}, configFor(srv))
				ensure(t, g)
				time.Sleep(5 * time.Minute)
				by.Store(int64(c.then))
				for minute := range 48 * 60 {
					header := http.Header{}
					if err := g.PrepareRequest(t.Context(), header); err != nil {
						t.Fatal(err)
					}
					if !srv.Active(header.Get("Authorization")[len("Bearer "):]) {
						t.Fatalf("minute %d: a dead token", minute)
					}
					time.Sleep(time.Minute)
				}
				if n := srv.Count(granttest.Token); n > 80 {
					t.Errorf("%d token requests in two days", n)
				}
			})
		})
	}
}

func TestClock_ThatIsSetBackEndsNoSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		by := jumping(t)
		srv := granttest.New(granttest.Config{RefreshLifetime: 3 * time.Hour})
		token, err := alice().Run(t.Context(), newClient(t, configFor(srv)))
		if err != nil {
			t.Fatal(err)
		}
		g := open(t, oauth2grant.RefreshOnly{}, configFor(srv))
		if err := g.SetToken(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		by.Store(-int64(24 * time.Hour))
		time.Sleep(4 * time.Hour)
		if _, err := g.RefreshToken(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
