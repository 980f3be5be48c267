package oauth2grant

import (
	"encoding/json"
	"maps"
	"time"
)

// refreshIn returns the time after which the server wants t to be refreshed,
// counted from when it was issued; zero if it did not say so.
func (t Token) refreshIn() time.Duration { return t.refreshAfter }

// refreshExpiry returns when the refresh token of t ends, zero if the server
// did not say so.
func (t Token) refreshExpiry() time.Time { return t.refreshEnd }

// saneLifetime reads expires_in: what is not positive, or beyond ten years,
// says nothing.
func saneLifetime(seconds int64) time.Duration {
	const tenYears = 10 * 365 * 24 * 60 * 60
	if seconds <= 0 || seconds > tenYears {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// overLifetime is the lifetime of a token that had ended when it was issued, as
// it is told. Two clocks disagree, so that it may well be good: it is used, but
// not for long, and renewed without haste.
const overLifetime = time.Minute

// lifetimeUntil returns the lifetime of a token issued now that ends at end,
// both by the same clock as far as that is known.
func lifetimeUntil(end, now time.Time) time.Duration {
	seconds := int64(end.Sub(now) / time.Second)
	if seconds <= 0 {
		return overLifetime
	}
	return saneLifetime(seconds)
}

// wallClock is where the time of the wall comes from, nil for time.Now; a test
// lets it jump.
var wallClock func() time.Time

// clockNow returns the time of the wall clock, with the monotonic reading.
func clockNow() time.Time {
	if wallClock != nil {
		return wallClock()
	}
	return time.Now()
}

// wallNow returns the time of the wall clock alone.
func wallNow() time.Time { return wall(clockNow()) }

// wall drops what makes equal times differ: the monotonic reading and the zone.
func wall(t time.Time) time.Time { return t.Round(0).UTC() }

// passing are the members of an answer that are about that answer only.
var passing = []string{
	"refresh_in", "refresh_expires_in", "refresh_token_expires_in", "refresh_token_timeout", "authorization_expires_in",
	"x_refresh_token_expires_in", "expires_in_sec", "expires", "ext_expires_in", "created_at", "issued_at",
}

// mostInherited bounds what a token may carry of its predecessors, in bytes.
const mostInherited = 1 << 20

// inherit returns t, the answer to a refresh of old, with what the answer left
// out: the refresh token and its end, the scope, the ID token, and other
// members but for those that were about the old answer only.
func (t Token) inherit(old Token) Token {
	if t.RefreshToken == "" {
		t.RefreshToken = old.RefreshToken
	}
	if t.RefreshToken == old.RefreshToken && t.refreshEnd.IsZero() {
		t.refreshEnd = old.refreshEnd
	}
	if t.Scope == "" {
		t.Scope = old.Scope
	}
	if t.IDToken == "" {
		t.IDToken = old.IDToken
	}
	if old.extra == "" {
		return t
	}
	var kept, news map[string]json.RawMessage
	if json.Unmarshal([]byte(old.extra), &kept) != nil {
		return t
	}
	for _, name := range passing {
		delete(kept, name)
	}
	if t.extra != "" && json.Unmarshal([]byte(t.extra), &news) != nil {
		return t
	}
	maps.Copy(kept, news)
	if merged, err := json.Marshal(kept); err == nil && len(kept) > 0 && len(merged) <= mostInherited {
		t.extra = string(merged)
	}
	return t
}
