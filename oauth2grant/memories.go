package oauth2grant

import (
	"slices"
	"time"
)

// What custody remembers of single tokens.

// meet notes what the store holds, and whether that is a sign-out.
func (c *custody) meet(t Token, gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known, c.found, c.gone = c.known || !same(t, Token{}), t, gone
}

func (c *custody) isKnown() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// hasWritten reports whether a write of that generation, or of a later one, was
// done.
func (c *custody) hasWritten(generation uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written >= generation
}

// triedSince reports whether a write was tried after then.
func (c *custody) triedSince(then time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tried.After(then)
}

// adopt notes that t is the token held in a generation, unless another has
// begun.
func (c *custody) adopt(t Token, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if generation >= c.generation {
		c.latest = t
	}
}

// holdsNone reports whether there is no token, nor one that waits to be
// written.
func (c *custody) holdsNone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return same(c.latest, Token{})
}

// refuse notes that an API refused an access token.
func (c *custody) refuse(accessToken string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused = accessToken
}

func (c *custody) wasRefused(t Token) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return t.AccessToken != "" && t.AccessToken == c.refused
}

// believes reports whether an API may be believed about a token of unknown age:
// once in so long.
func (c *custody) believes(pause time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.believed.IsZero() && time.Since(c.believed) < pause {
		return false
	}
	c.believed = time.Now()
	return true
}

// forget forgets what was said of single tokens, for one that comes from
// outside.
func (c *custody) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refused, c.dead, c.asked = "", "", ""
}

// bury notes that the server refused a refresh token for good.
func (c *custody) bury(refreshToken string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = refreshToken
}

// isDead reports whether a refresh token is of no use.
func (c *custody) isDead(refreshToken string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return refreshToken == "" || refreshToken == c.dead
}

// ask notes with which refresh token a login was found to be required.
func (c *custody) ask(refreshToken string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = refreshToken
}

func (c *custody) hasAsked(refreshToken string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return refreshToken == "" || refreshToken == c.asked
}

// spend notes that the server answered old with issued.
func (c *custody) spend(old, issued string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, known := range c.spent {
		if known == fingerprint(issued) { // the server has handed it out again
			c.spent[i] = 0
		}
	}
	if old != issued {
		c.spent[c.nextSpent] = fingerprint(old)
		c.nextSpent = (c.nextSpent + 1) % len(c.spent)
	}
}

// isOld reports whether a stored token must not be used or sent any more: the
// server has answered its refresh token with another, or a later one of the
// same sign-in is known here.
func (c *custody) isOld(stored Token) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isOldLocked(stored)
}

func (c *custody) isOldLocked(stored Token) bool {
	if stored.precedes(c.latest) {
		return true
	}
	sum := fingerprint(stored.RefreshToken)
	return stored.RefreshToken != "" && slices.Contains(c.spent[:], sum)
}

// wentBack reports whether the store holds an old token, although a newer one
// is known here; then that waits to be written over it.
func (c *custody) wentBack(stored Token) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isOldLocked(stored) || same(c.latest, Token{}) || same(c.latest, stored) {
		return false
	}
	c.pending = &pending{want: c.latest, over: []Token{stored}, generation: c.generation}
	return true
}

// lastKnown returns every token that the store may hold as far as is known
// here, and current, which the grant holds.
func (c *custody) lastKnown(current Token) []Token {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []Token{}
	for _, t := range append([]Token{current, c.latest, c.found}, c.pending.tokens()...) {
		if !same(t, Token{}) {
			all = append(all, t)
		}
	}
	return all
}

// signedOutSince reports whether somebody has signed out since the store was
// looked at and p was tried: of what p may have written after all.
func (c *custody) signedOutSince(p *pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return p.whole && c.gone && !p.gone
}

func (p *pending) tokens() []Token {
	if p == nil {
		return nil
	}
	return append([]Token{p.want}, p.over...)
}

// mayReplace reports whether p may be written over what the store holds: what
// it was asked to replace, or what is old; but no token that was written before
// over what has become of it.
func (c *custody) mayReplace(p *pending, stored Token) bool {
	switch {
	case c.isOld(stored):
		return true
	case p.tried && (p.want.precedes(stored) || c.signedOutSince(p)):
		return false
	default:
		return p.over == nil || slices.ContainsFunc(p.over, func(t Token) bool {
			return same(stored, t) || p.whole && stored.akin(t)
		})
	}
}
