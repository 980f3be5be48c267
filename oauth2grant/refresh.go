package oauth2grant

import (
	"cmp"
	"errors"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// Refresh says when a grant renews its token and how it tries again. The zero
// value is a good schedule.
type Refresh struct {
	// Before is the lead on expiry at which the background renews. If zero, it
	// is what the server asked for (refresh_in), or else a third of the
	// lifetime, at most 20 min. It is capped at half of the lifetime. Where the
	// server says when the refresh token itself ends, the token is renewed
	// before that in any case.
	Before time.Duration

	// Jitter is how much earlier a renewal may come at random, as a share of
	// Before, at most 1. If zero, it is 0.25; if negative, there is none.
	Jitter float64

	// Leeway says how close to its expiry a token must be so that callers wait
	// for the next one. If zero, it is 10 s. It is capped at a tenth of the
	// lifetime.
	Leeway time.Duration

	// Timeout bounds one attempt. If zero, it is 30 s.
	Timeout time.Duration

	// MinBackOff is the shortest wait after a failure. If zero, it is 500 ms.
	MinBackOff time.Duration

	// MaxBackOff is the longest wait after a failure, but for what a server
	// asks for ([Error.RetryAfter]), and the shortest after a refusal, after
	// which it doubles up to 5 min, and up to an hour for a refused password.
	// If zero, it is 1 min, or MinBackOff if that is longer.
	MaxBackOff time.Duration

	// IdleAfter is for how long a token that nobody uses is renewed ahead. If
	// zero, it is always renewed. Where only a person could obtain the next
	// token, and the server says when the refresh token ends, an idle one is
	// still renewed ahead of each such end, so that the session lasts.
	IdleAfter time.Duration

	// AssumedLifetime is that of a token whose answer names none, from when it
	// was issued. If zero, it is unknown, and only the refusal of an API renews
	// such a token.
	AssumedLifetime time.Duration

	// Scope says which scope a refresh asks for. If zero, it is
	// [RefreshScopeNone].
	Scope RefreshScope

	// Eager loads the [Store], and fetches a token if needed, as soon as [New]
	// has returned; never by a flow that asks a person.
	Eager bool

	// Disabled does nothing in the background: the token is renewed only when a
	// call needs it.
	Disabled bool
}

// RefreshScope says which scope a refresh asks for (RFC 6749 §6). A server that
// refuses the scope of a refresh, or the lack of one, is asked once more with
// [Config.Scopes], and what worked is remembered in the [Store].
type RefreshScope int

const (
	// RefreshScopeNone asks for none: the server keeps what it has granted.
	RefreshScopeNone RefreshScope = iota
	// RefreshScopeGranted repeats what the server has granted.
	RefreshScopeGranted
	// RefreshScopeRequested repeats [Config.Scopes].
	RefreshScopeRequested
)

func (s RefreshScope) of(granted, requested string) string {
	switch s {
	case RefreshScopeGranted:
		return granted
	case RefreshScopeRequested:
		return requested
	default:
		return ""
	}
}

const (
	defaultJitter  = 0.25
	defaultLeeway  = 10 * time.Second
	defaultTimeout = 30 * time.Second
	longestLead    = 20 * time.Minute
	youngToken     = 10 * time.Second // younger than this, or than a tenth of its life, a token is not invalidated
	longestFloor   = 500 * time.Millisecond
)

// forEver is as good as any longer time, and can be added to and doubled.
const forEver = 100 * 365 * 24 * time.Hour

func (r Refresh) withDefaults() Refresh {
	r.Jitter = max(cmp.Or(r.Jitter, defaultJitter), 0)
	r.Leeway = cmp.Or(r.Leeway, defaultLeeway)
	r.Timeout = cmp.Or(r.Timeout, defaultTimeout)
	r.MinBackOff = cmp.Or(r.MinBackOff, 500*time.Millisecond)
	r.MaxBackOff = cmp.Or(r.MaxBackOff, max(time.Minute, r.MinBackOff))
	for _, d := range []*time.Duration{
		&r.Before, &r.Leeway, &r.Timeout, &r.MinBackOff, &r.MaxBackOff, &r.IdleAfter, &r.AssumedLifetime,
	} {
		*d = min(*d, forEver)
	}
	return r
}

func (r Refresh) validate() []error {
	var problems []error
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"Before", r.Before},
		{"Leeway", r.Leeway},
		{"Timeout", r.Timeout},
		{"MinBackOff", r.MinBackOff},
		{"MaxBackOff", r.MaxBackOff},
		{"IdleAfter", r.IdleAfter},
		{"AssumedLifetime", r.AssumedLifetime},
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
	if r.Scope < RefreshScopeNone || r.Scope > RefreshScopeRequested {
		problems = append(problems, errors.New("Refresh.Scope is none of the constants"))
	}
	if r.Disabled && (r.Eager || r.IdleAfter > 0) {
		problems = append(problems, errors.New("Refresh.Disabled excludes Eager and IdleAfter"))
	}
	return problems
}

// before returns the lead on expiry of a token that lives so long, and that the
// server wants to be renewed after wish, zero if it did not say so.
func (r Refresh) before(lifetime, wish time.Duration) time.Duration {
	switch {
	case r.Before > 0:
		return min(r.Before, lifetime/2)
	case wish > 0 && wish < lifetime:
		return lifetime - wish
	default:
		return min(lifetime/3, longestLead)
	}
}

// earlier returns a lead made longer by a random share of it.
func (r Refresh) earlier(before time.Duration) time.Duration {
	return before + time.Duration(engine.Random()*r.Jitter*float64(before))
}

// lead returns before, made longer by a random share of it, and at most three
// quarters of the lifetime.
func (r Refresh) lead(lifetime, wish time.Duration) time.Duration {
	before := r.before(lifetime, wish)
	return min(r.earlier(before), max(before, lifetime/4*3))
}

// leeway returns how close to expiry a token counts as expired.
func (r Refresh) leeway(lifetime time.Duration) time.Duration { return min(r.Leeway, lifetime/10) }

// renewFloor returns the least time between obtaining a token and renewing it
// ahead.
func (r Refresh) renewFloor() time.Duration { return min(r.MinBackOff, longestFloor) }

// times are those of one token.
type times struct{ renewAt, keepAt, freshUntil, expiry time.Time }

// schedule returns the times of a token obtained, or adopted from elsewhere, at
// now.
func (r Refresh) schedule(t Token, now time.Time, adopted bool) times {
	s := r.ofAccess(t, now, adopted)
	if end := t.refreshExpiry(); t.RefreshToken != "" && end.After(now) {
		left := end.Sub(now)
		if at := end.Add(-r.earlier(min(left/3, longestLead))); s.renewAt.IsZero() || at.Before(s.renewAt) {
			s.renewAt = at // with the refresh token the session would end
		}
		if at := t.noticeAt(); !t.endsSoon() {
			s.keepAt = at
			if at.Before(s.renewAt) {
				s.renewAt = at
			}
		}
	}
	if floor := now.Add(r.renewFloor()); !s.renewAt.IsZero() && s.renewAt.Before(floor) {
		s.renewAt = floor
	}
	return s
}

// ofAccess returns the times of the access token.
func (r Refresh) ofAccess(t Token, now time.Time, adopted bool) times {
	expiry, lifetime := t.Expiry, t.lifetime
	if expiry.IsZero() {
		return r.assumed(t, now)
	}
	if limit := now.Add(lifetime); adopted && lifetime > 0 && expiry.After(limit) {
		expiry = limit // the clock of who saved it may be ahead
	}
	if lifetime == 0 {
		lifetime = max(0, expiry.Sub(now))
	}
	lead := r.lead(lifetime, t.refreshIn())
	return times{renewAt: expiry.Add(-lead), freshUntil: expiry.Add(-r.leeway(lifetime)), expiry: expiry}
}

// assumed returns the times of a token of unknown lifetime. It is renewed, but
// never expires by the clock.
func (r Refresh) assumed(t Token, now time.Time) times {
	if r.AssumedLifetime == 0 {
		return times{}
	}
	end := now.Add(r.AssumedLifetime)
	if from := t.obtained(); !from.IsZero() && from.Before(now) {
		end = from.Add(r.AssumedLifetime)
	}
	return times{renewAt: end.Add(-r.lead(r.AssumedLifetime, 0)), freshUntil: end.Add(-r.leeway(r.AssumedLifetime))}
}

// due reports whether a token found in a store should be renewed rather than
// used.
func (r Refresh) due(t Token, now time.Time) bool {
	switch {
	case t.AccessToken == "":
		return true
	case t.Expiry.IsZero() && r.AssumedLifetime > 0:
		return !now.Before(r.assumed(t, now).freshUntil)
	case t.Expiry.IsZero():
		return false
	case t.lifetime == 0:
		return !now.Before(t.Expiry.Add(-r.Leeway))
	default:
		return !now.Before(t.Expiry.Add(-max(r.before(t.lifetime, t.refreshIn()), r.leeway(t.lifetime))))
	}
}
