package oauth2grant

import (
	"math"
	"testing"
	"time"
)

var refreshStart = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func living(lifetime time.Duration) Token {
	return Token{AccessToken: "A", Expiry: refreshStart.Add(lifetime), lifetime: lifetime}
}

func TestRefresh_TheTimesOfAToken(t *testing.T) {
	for _, c := range []struct {
		name                        string
		refresh                     Refresh
		lifetime                    time.Duration
		earliest, latest, usedUntil time.Duration // from now: of the renewal, and until when nobody waits
	}{
		{
			"an hour, by default: a third of its lifetime before it expires, and up to a quarter of that earlier",
			Refresh{},
			time.Hour, 35 * time.Minute, 40 * time.Minute, time.Hour - 10*time.Second,
		},
		{
			"fifteen minutes: a third before",
			Refresh{},
			15 * time.Minute, 525 * time.Second, 10 * time.Minute,
			890 * time.Second,
		},
		{
			"a year: no more than twenty minutes before",
			Refresh{},
			365 * 24 * time.Hour,
			365*24*time.Hour - 25*time.Minute, 365*24*time.Hour - 20*time.Minute, 365*24*time.Hour - 10*time.Second,
		},
		{
			"twelve seconds: the leeway is a tenth",
			Refresh{},
			12 * time.Second, 7 * time.Second, 8 * time.Second,
			10800 * time.Millisecond,
		},
		{
			"Before as configured",
			Refresh{Before: 10 * time.Minute},
			time.Hour, 47*time.Minute + 30*time.Second,
			50 * time.Minute, time.Hour - 10*time.Second,
		},
		{
			"a Before that is too long is capped at half, and with jitter at three " +
				"quarters",
			Refresh{Before: 10 * time.Hour, Jitter: 1},
			time.Hour, 15 * time.Minute, 30 * time.Minute,
			time.Hour - 10*time.Second,
		},
		{
			"all of the jitter",
			Refresh{Jitter: 1},
			15 * time.Minute, 5 * time.Minute, 10 * time.Minute,
			890 * time.Second,
		},
		{"no jitter", Refresh{Jitter: -1}, time.Hour, 40 * time.Minute, 40 * time.Minute, time.Hour - 10*time.Second},
		{
			"a leeway as configured",
			Refresh{Jitter: -1, Leeway: 3 * time.Minute},
			time.Hour, 40 * time.Minute,
			40 * time.Minute, 57 * time.Minute,
		},
		{
			"a leeway that is too long is capped at a tenth",
			Refresh{Jitter: -1, Leeway: time.Hour},
			time.Hour,
			40 * time.Minute, 40 * time.Minute, 54 * time.Minute,
		},
		{
			"a second: half a second passes before it is renewed",
			Refresh{},
			time.Second, 500 * time.Millisecond,
			700 * time.Millisecond, 900 * time.Millisecond,
		},
		{
			"half a second: it is used all the same",
			Refresh{},
			500 * time.Millisecond, 500 * time.Millisecond,
			500 * time.Millisecond, 450 * time.Millisecond,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := living(c.lifetime)
			for range 500 {
				s := c.refresh.withDefaults().schedule(token, refreshStart, false)
				if at := s.renewAt.Sub(refreshStart); at < c.earliest || at > c.latest {
					t.Fatalf("renewed after %v, want %v to %v", at, c.earliest, c.latest)
				}
				if until := s.freshUntil.Sub(refreshStart); until != c.usedUntil {
					t.Fatalf("used for %v, want %v", until, c.usedUntil)
				}
				if !s.expiry.Equal(token.Expiry) {
					t.Fatalf("expires at %v", s.expiry)
				}
			}
		})
	}
}

func TestRefresh_JitterSpreadsRenewalsAndOnlyEverAdvancesThem(t *testing.T) {
	r := Refresh{}.withDefaults()
	latest := refreshStart.Add(40 * time.Minute)
	const slots = 10
	var spread [slots]int
	for range 10_000 {
		early := latest.Sub(r.schedule(living(time.Hour), refreshStart, false).renewAt)
		if early < 0 || early > 5*time.Minute {
			t.Fatalf("renewed %v early", early)
		}
		spread[min(int(early*slots/(5*time.Minute)), slots-1)]++
	}
	for i, n := range spread {
		if n < 700 || n > 1300 {
			t.Fatalf("slot %d of %d has %d of 10000 renewals: %v", i, slots, n, spread)
		}
	}
}

func TestRefresh_ATokenOfUnknownLifetimeHasNoTimes(t *testing.T) {
	if s := (Refresh{}).withDefaults().schedule(Token{AccessToken: "A"}, refreshStart, false); s != (times{}) {
		t.Fatalf("got %+v", s)
	}
}

func TestRefresh_TheExpiryOfAnAdoptedTokenIsCappedByItsLifetime(t *testing.T) {
	token := living(time.Hour)
	token.Expiry = refreshStart.Add(5 * time.Hour) // by a clock that is ahead
	for _, c := range []struct {
		adopted  bool
		lifetime time.Duration
		want     time.Duration
	}{
		{true, time.Hour, time.Hour},
		{false, time.Hour, 5 * time.Hour},
		{true, 0, 5 * time.Hour},
	} {
		token.lifetime = c.lifetime
		s := (Refresh{}).withDefaults().schedule(token, refreshStart, c.adopted)
		if s.expiry.Sub(refreshStart) != c.want {
			t.Errorf("%+v: expires after %v", c, s.expiry.Sub(refreshStart))
		}
	}
}

func TestRefresh_WhatIsLeftOfATokenWithoutALifetimeCountsAsIts(t *testing.T) {
	token := living(10 * time.Minute)
	token.lifetime = 0
	s := Refresh{Jitter: -1}.withDefaults().schedule(token, refreshStart, false)
	if at := s.renewAt.Sub(refreshStart); at != 10*time.Minute-10*time.Minute/3 {
		t.Fatalf("renewed after %v", at)
	}
	past := (Refresh{}).withDefaults().schedule(token, refreshStart.Add(time.Hour), false)
	if past.renewAt.Before(refreshStart.Add(time.Hour)) || past.freshUntil.After(token.Expiry) {
		t.Fatalf("an expired one gets %+v", past)
	}
}

func TestRefresh_WhetherAStoredTokenIsDue(t *testing.T) {
	unknown := living(time.Hour)
	unknown.lifetime = 0
	for _, c := range []struct {
		name  string
		token Token
		age   time.Duration
		want  bool
	}{
		{"new", living(time.Hour), 0, false},
		{"shortly before its renewal, whatever the jitter", living(time.Hour), 40*time.Minute - 1, false},
		{"at its renewal", living(time.Hour), 40 * time.Minute, true},
		{"expired", living(time.Hour), 2 * time.Hour, true},
		{"without an access token", Token{RefreshToken: "R"}, 0, true},
		{"of unknown expiry", Token{AccessToken: "A"}, 1000 * time.Hour, false},
		{"of unknown lifetime, before the leeway", unknown, time.Hour - 10*time.Second - 1, false},
		{"of unknown lifetime, within the leeway", unknown, time.Hour - 10*time.Second, true},
	} {
		if got := (Refresh{}).withDefaults().due(c.token, refreshStart.Add(c.age)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestRefresh_AssumesALifetimeWhereTheServerNamesNone(t *testing.T) {
	r := Refresh{Jitter: -1, AssumedLifetime: time.Hour}.withDefaults()
	noted := Token{AccessToken: "A"}.issued(refreshStart.Add(-30 * time.Minute))
	for _, c := range []struct {
		name  string
		token Token
		renew time.Duration // from now
	}{
		{"of a token issued now", Token{AccessToken: "A"}, 40 * time.Minute},
		{"of one issued half an hour ago", noted, 10 * time.Minute},
	} {
		s := r.schedule(c.token, refreshStart, true)
		if got := s.renewAt.Sub(refreshStart); got != c.renew || !s.expiry.IsZero() {
			t.Errorf("%s: renewed after %v, want %v; expires %v, want never", c.name, got, c.renew, s.expiry)
		}
	}
	if r.due(noted, refreshStart) || !r.due(noted, refreshStart.Add(30*time.Minute)) {
		t.Error("a stored one is not due at the end of its assumed lifetime")
	}
}

func TestRefresh_ALifetimeIsSaneOrUnknown(t *testing.T) {
	const year = 365 * 24 * 60 * 60
	for seconds, want := range map[int64]time.Duration{
		1: time.Second, 3600: time.Hour, 10 * year: 10 * year * time.Second,
		0: 0, -1: 0, math.MinInt64: 0, 10*year + 1: 0, math.MaxInt64: 0, math.MaxInt64 / int64(time.Second): 0,
	} {
		if got := saneLifetime(seconds); got != want {
			t.Errorf("%d s: %v, want %v", seconds, got, want)
		}
	}
}

func TestRefresh_RenewsWhenTheServerSays(t *testing.T) {
	r := Refresh{Jitter: -1}.withDefaults()
	with := func(token Token, in time.Duration, end time.Duration) Token {
		token.refreshAfter, token.RefreshToken = in, "R"
		if end > 0 {
			token.refreshEnd = refreshStart.Add(end)
		}
		return token
	}
	for _, c := range []struct {
		name  string
		token Token
		want  time.Duration // from now; zero: never
	}{
		{"refresh_in wins over the default", with(living(time.Hour), 30*time.Minute, 0), 30 * time.Minute},
		{"one beyond the lifetime says nothing", with(living(time.Hour), 2*time.Hour, 0), 40 * time.Minute},
		{"before a refresh token that ends sooner", with(living(time.Hour), 0, 30*time.Minute), 20 * time.Minute},
		{"one that ends later changes nothing", with(living(time.Hour), 0, 10*time.Hour), 40 * time.Minute},
		{"also where the lifetime is unknown", with(Token{AccessToken: "A"}, 0, 3*time.Hour), 160 * time.Minute},
		{"one that has ended says nothing", with(Token{AccessToken: "A"}, 0, 0), 0},
	} {
		s := r.schedule(c.token, refreshStart, false)
		switch {
		case c.want == 0 && !s.renewAt.IsZero():
			t.Errorf("%s: renewed at %v", c.name, s.renewAt)
		case c.want > 0 && s.renewAt.Sub(refreshStart) != c.want:
			t.Errorf("%s: renewed after %v, want %v", c.name, s.renewAt.Sub(refreshStart), c.want)
		}
	}
}
