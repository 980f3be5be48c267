package oauth2grant

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Refresh says when a grant renews its token and how it tries again. The zero value is a good schedule.
type Refresh struct {
	Before     time.Duration // lead on expiry; zero: a fifth of the lifetime, at most 5 min; capped at half of the lifetime
	Jitter     float64       // how much earlier a renewal may come, as a share of Before, at most 1; zero: 0.5, negative: none
	Leeway     time.Duration // a token this close to expiry is renewed first; zero: 10 s; capped at a tenth of the lifetime
	Timeout    time.Duration // of one attempt; zero: 30 s
	MinBackOff time.Duration // zero: 500 ms
	MaxBackOff time.Duration // zero: 1 min
	IdleAfter  time.Duration // a token nobody used for so long is not renewed ahead; zero: always renewed
	Eager      bool          // load the store and fetch if needed as soon as New returns (never an interactive flow)
	Disabled   bool          // no background goroutine: renew only when a call needs it
}

const (
	defaultLeeway = 10 * time.Second
	longestLead   = 5 * time.Minute
	youngToken    = 10 * time.Second // younger than this, or than a tenth of its life, a token is not invalidated
)

func (r Refresh) withDefaults() Refresh {
	if r.Jitter == 0 {
		r.Jitter = 0.5
	}
	r.Jitter = max(r.Jitter, 0)
	setDefault(&r.Leeway, defaultLeeway)
	setDefault(&r.Timeout, 30*time.Second)
	setDefault(&r.MinBackOff, 500*time.Millisecond)
	setDefault(&r.MaxBackOff, max(time.Minute, r.MinBackOff))
	return r
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d == 0 {
		*d = value
	}
}

func (r Refresh) validate() []error {
	var problems []error
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Before", r.Before}, {"Leeway", r.Leeway}, {"Timeout", r.Timeout}, {"MinBackOff", r.MinBackOff}, {"MaxBackOff", r.MaxBackOff}, {"IdleAfter", r.IdleAfter},
	} {
		if d.value < 0 {
			problems = append(problems, errors.New("Refresh."+d.name+" is negative"))
		}
	}
	if r.MaxBackOff > 0 && r.MinBackOff > r.MaxBackOff {
		problems = append(problems, errors.New("Refresh.MinBackOff is above MaxBackOff"))
	}
	if !(r.Jitter <= 1) { // also NaN
		problems = append(problems, errors.New("Refresh.Jitter is above 1"))
	}
	if r.Disabled && (r.Eager || r.IdleAfter > 0) {
		problems = append(problems, errors.New("Refresh.Disabled excludes Eager and IdleAfter"))
	}
	return problems
}

// before is the lead on expiry of a token that lives so long.
func (r Refresh) before(lifetime time.Duration) time.Duration {
	if r.Before == 0 {
		return min(lifetime/5, longestLead)
	}
	return min(r.Before, lifetime/2)
}

// lead is before, made longer by a random share of it, and at most three quarters of the lifetime.
func (r Refresh) lead(lifetime time.Duration) time.Duration {
	before := r.before(lifetime)
	return min(before+time.Duration(rand.Float64()*r.Jitter*float64(before)), lifetime/4*3)
}

// leeway is how close to expiry a token counts as expired.
func (r Refresh) leeway(lifetime time.Duration) time.Duration { return min(r.Leeway, lifetime/10) }

// renewFloor is the least time between obtaining a token and renewing it ahead.
func (r Refresh) renewFloor() time.Duration { return min(r.MinBackOff, 500*time.Millisecond) }

// times are those of one token.
type times struct{ renewAt, freshUntil, expiry time.Time }

// schedule gives the times of a token obtained, or adopted from elsewhere, at now.
func (r Refresh) schedule(t Token, now time.Time, adopted bool) times {
	expiry, lifetime := t.Expiry, t.lifetime
	if expiry.IsZero() {
		return times{}
	}
	if limit := now.Add(lifetime); adopted && lifetime > 0 && expiry.After(limit) {
		expiry = limit // the clock of who saved it may be ahead
	}
	if lifetime == 0 {
		lifetime = max(0, expiry.Sub(now))
	}
	s := times{renewAt: expiry.Add(-r.lead(lifetime)), freshUntil: expiry.Add(-r.leeway(lifetime)), expiry: expiry}
	if floor := now.Add(r.renewFloor()); s.renewAt.Before(floor) {
		s.renewAt = floor
	}
	return s
}

// due tells whether a token found in a store should be renewed rather than used.
func (r Refresh) due(t Token, now time.Time) bool {
	if t.AccessToken == "" {
		return true
	}
	if t.Expiry.IsZero() {
		return false
	}
	lifetime := t.lifetime
	if lifetime == 0 {
		return !now.Before(t.Expiry.Add(-r.Leeway))
	}
	return !now.Before(t.Expiry.Add(-max(r.before(lifetime), r.leeway(lifetime))))
}

// settled tells whether a token is old enough to be believed refused.
func settled(t Token, since, now time.Time) bool {
	least := youngToken
	if t.lifetime > 0 {
		least = min(least, t.lifetime/10)
	}
	return now.Sub(since) >= least
}
