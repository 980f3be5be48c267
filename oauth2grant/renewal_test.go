package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestRenewal_ADayIsAheadOfEveryExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		ensure(t, g)
		for range 24 * 60 {
			before := srv.Count(granttest.Token)
			ensure(t, g)
			if srv.Count(granttest.Token) != before {
				t.Fatal("a caller had to wait")
			}
			time.Sleep(time.Minute)
		}
		requests := srv.Requests(granttest.Token)
		for i := 1; i < len(requests); i++ {
			// Twenty minutes ahead of the hour, or up to a quarter of that
			// earlier.
			if age := requests[i].Time.Sub(requests[i-1].Time); age < 35*time.Minute || age > 40*time.Minute {
				t.Errorf("renewed after %v", age)
			}
		}
		if n := len(requests); n < 36 || n > 42 {
			t.Errorf("%d token requests in a day", n)
		}
	})
}

func TestRenewal_SpreadsInAFleet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		for range 50 {
			ensure(t, open(t, oauth2grant.ClientCredentials{}, configFor(srv)))
		}
		pass(56 * time.Minute)
		renewed := map[time.Time]bool{}
		for _, r := range srv.Requests(granttest.Token)[50:] {
			renewed[r.Time.Truncate(5*time.Second)] = true
		}
		if len(renewed) < 10 {
			t.Errorf("all renewals fall into %d spans of five seconds", len(renewed))
		}
	})
}

func TestRefresh_SendsTheScopeThatIsConfiguredAndTheParams(t *testing.T) {
	for _, c := range []struct {
		scope oauth2grant.RefreshScope
		want  string
	}{
		{oauth2grant.RefreshScopeNone, ""},
		{oauth2grant.RefreshScopeGranted, "read"},
		{oauth2grant.RefreshScopeRequested, "read write"},
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			srv.Script(granttest.Token, granttest.Fault{Edit: func(a map[string]any) { a["scope"] = "read" }})
			cfg := configFor(srv)
			cfg.Scopes, cfg.Params = []string{"read", "write"}, url.Values{"audience": {"a"}}
			cfg.Refresh.Scope = c.scope
			g := open(t, alice(), cfg)
			ensure(t, g)
			if got := last(t, srv, granttest.Token).Form.Get("scope"); got != "read write" {
				t.Errorf("at first it asks for %q", got)
			}
			pass(41 * time.Minute)
			r := last(t, srv, granttest.Token)
			got := []string{r.Form.Get("grant_type"), r.Form.Get("scope"), r.Form.Get("audience")}
			if want := []string{"refresh_token", c.want, "a"}; !slices.Equal(got, want) {
				t.Errorf("sent %q, want %q", got, want)
			}
		})
	}
}

func TestRenewal_ARefusedRefreshTokenLeadsToTheFlowOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		old := tokenOf(t, g)
		srv.RevokeToken(old.RefreshToken)
		token, err := g.RefreshToken(t.Context())
		if err != nil || token == old {
			t.Fatalf("got %v, %v", token, err)
		}
		if got := grantTypes(srv); !slices.Equal(got, []string{"password", "refresh_token", "password"}) {
			t.Errorf("sent %q", got)
		}
	})
}

func TestRenewal_ClientCredentialsUseARefreshTokenWhereThereIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{RefreshFor: []string{"client_credentials"}})
		g := open(t, oauth2grant.ClientCredentials{}, configFor(srv))
		srv.RevokeToken(tokenOf(t, g).RefreshToken)
		for range 2 {
			if _, err := g.RefreshToken(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got := grantTypes(srv)
		if !slices.Equal(got, []string{"client_credentials", "refresh_token", "client_credentials", "refresh_token"}) {
			t.Errorf("sent %q", got)
		}
	})
}

func TestRenewal_KeepsARefreshTokenWhereTheServerRotatesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{KeepRefreshTokens: true})
		g := open(t, alice(), configFor(srv))
		first := tokenOf(t, g).RefreshToken
		pass(5 * time.Hour)
		if got := tokenOf(t, g).RefreshToken; got != first {
			t.Error("the refresh token was lost")
		}
		if got := grantTypes(srv); got[0] != "password" || slices.Contains(got[1:], "password") || len(got) < 5 {
			t.Errorf("sent %q", got)
		}
	})
}

func TestRefreshOnly_NeverAsksAnybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		_, refresh, _ := srv.Issue("client", "alice")
		cfg := configFor(srv)
		cfg.Token.RefreshToken = refresh
		g := open(t, oauth2grant.RefreshOnly{}, cfg)
		token := tokenOf(t, g)
		srv.RevokeToken(token.RefreshToken)
		_, err := g.RefreshToken(t.Context())
		wantIs(t, err, oauth2grant.ErrLoginRequired)
		wantIs(t, err, oauth2grant.InvalidGrant)
		if s := g.Status(); s.State != oauth2grant.StateLoginRequired {
			t.Errorf("got %+v", s)
		}
		pass(2 * time.Hour)
		before := srv.Count(granttest.Token)
		wantIs(t, g.EnsureActiveToken(t.Context()), oauth2grant.ErrLoginRequired)
		if srv.Count(granttest.Token) != before || before > 3 {
			t.Errorf("%d token requests", srv.Count(granttest.Token))
		}
		access, refresh, lifetime := srv.Issue("client", "alice")
		err = g.SetToken(t.Context(), oauth2grant.Token{
			AccessToken: access, RefreshToken: refresh, Expiry: time.Now().Add(lifetime),
		})
		if err != nil {
			t.Fatal(err)
		}
		ensure(t, g)
		pass(2 * time.Hour)
		ensure(t, g)
	})
}

func TestRenewal_TenThousandCallersMakeOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		cfg := configFor(srv)
		cfg.Refresh.Disabled = true
		g := open(t, alice(), cfg)
		ensure(t, g)
		pass(2 * time.Hour)
		srv.Script(granttest.Token, granttest.Fault{Delay: time.Second})
		var failures atomic.Int64
		atOnce(10_000, func(int) {
			if g.EnsureActiveToken(t.Context()) != nil {
				failures.Add(1)
			}
		})
		if n := srv.Count(granttest.Token); n != 2 || failures.Load() != 0 {
			t.Errorf("%d token requests, %d failures", n, failures.Load())
		}
	})
}

func TestRefresh_EagerFetchesBeforeAnybodyAsksUnlessThatTakesAPerson(t *testing.T) {
	for name, c := range map[string]struct {
		flow oauth2grant.Flow
		want int
	}{
		"a flow that needs nobody": {alice(), 1},
		"one that needs a person":  {oauth2grant.DeviceCode{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				cfg := configFor(srv)
				cfg.Refresh.Eager = true
				open(t, c.flow, cfg)
				pass(time.Minute)
				if n := srv.Count(granttest.Token) + srv.Count(granttest.DeviceAuthorization); n != c.want {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestRefresh_WithoutEagerNothingIsFetchedBeforeSomebodyAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		open(t, alice(), configFor(srv))
		pass(24 * time.Hour)
		if n := len(asked(srv)); n != 0 {
			t.Errorf("%d requests", n)
		}
	})
}

func TestRefresh_DisabledRenewsOnlyWhenACallNeedsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		cfg := configFor(srv)
		cfg.Refresh.Disabled = true
		g := open(t, alice(), cfg)
		ensure(t, g)
		if s := g.Status(); !s.NextRefresh.IsZero() {
			t.Errorf("it plans to renew at %v", s.NextRefresh)
		}
		pass(24 * time.Hour)
		if n := srv.Count(granttest.Token); n != 1 {
			t.Errorf("%d token requests", n)
		}
		ensure(t, g)
		if n := srv.Count(granttest.Token); n != 2 {
			t.Errorf("%d token requests", n)
		}
	})
}

func TestRefresh_IdleAfterLetsATokenRestThatNobodyUses(t *testing.T) {
	for name, c := range map[string]struct {
		every    time.Duration // a call; zero: none
		min, max int
	}{
		"nobody uses it":                  {0, 1, 1},
		"used every quarter of an hour":   {15 * time.Minute, 36, 42},
		"used less often than that":       {10 * time.Hour, 2, 5},
		"used as often as it must at all": {29 * time.Minute, 36, 42},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				cfg := configFor(srv)
				cfg.Refresh.IdleAfter = 30 * time.Minute
				g := open(t, alice(), cfg)
				ensure(t, g)
				start := time.Now()
				for c.every > 0 && time.Since(start)+c.every <= 24*time.Hour {
					time.Sleep(c.every)
					ensure(t, g)
				}
				pass(24*time.Hour - time.Since(start))
				if n := srv.Count(granttest.Token); n < c.min || n > c.max {
					t.Errorf("%d token requests in a day", n)
				}
			})
		})
	}
}

func TestStatus_NamesEachState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Lifetime: 10 * time.Minute})
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		g, err := oauth2grant.New(ctx, alice(), configFor(srv))
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		want := func(state oauth2grant.State, usable bool, failed bool) oauth2grant.Status {
			t.Helper()
			s := g.Status()
			if s.State != state || s.Usable != usable || (s.Err != nil) != failed || (s.Failures > 0) != failed {
				t.Fatalf("got %+v, want %v", s, state)
			}
			return s
		}
		want(oauth2grant.StateEmpty, false, false)
		ensure(t, g)
		start := time.Now()
		if s := want(oauth2grant.StateFresh, true, false); !s.Expiry.Equal(start.Add(10*time.Minute)) ||
			s.NextRefresh.Before(start) || s.NextRefresh.After(s.Expiry) {
			t.Errorf("got %+v", s)
		}
		srv.Break(granttest.Token, granttest.Fault{Status: 503})
		pass(9 * time.Minute)
		if s := want(oauth2grant.StateStale, true, true); !s.NextRefresh.After(time.Now()) {
			t.Errorf("next at %v", s.NextRefresh)
		}
		pass(2 * time.Minute)
		if s := want(oauth2grant.StateExpired, false, true); isFailure(t, s.Err).StatusCode != 503 {
			t.Errorf("got %+v", s)
		}
		srv.Heal(granttest.Token)
		pass(time.Minute)
		want(oauth2grant.StateFresh, true, false)
		reason := errors.New("the program ends")
		cancel(reason)
		synctest.Wait()
		s := g.Status()
		wantIs(t, s.Err, oauth2grant.ErrClosed)
		wantIs(t, s.Err, reason)
		if s.State != oauth2grant.StateClosed || s.Usable {
			t.Errorf("got %+v", s)
		}
		err = g.PrepareRequest(t.Context(), http.Header{})
		wantIs(t, err, oauth2grant.ErrClosed)
		wantIs(t, err, reason)
	})
}

func TestState_HasAName(t *testing.T) {
	for s, want := range map[oauth2grant.State]string{
		oauth2grant.StateEmpty: "empty", oauth2grant.StateFresh: "fresh", oauth2grant.StateStale: "stale",
		oauth2grant.StateExpired:       "expired",
		oauth2grant.StateLoginRequired: "login-required", oauth2grant.StateClosed: "closed", -1: "unknown",
		99: "unknown",
	} {
		if s.String() != want {
			t.Errorf("%d is %q", s, s)
		}
	}
}
