package oauth2grant

import "time"

// Invalidate says that an API refused the access token, so that the next call
// renews it. It does nothing if another token is held by now, or if the token
// was issued, to whomever, less than 10 s or a tenth of its life ago, whichever
// is shorter: so an API that refuses every token causes no storm. Where nobody
// noted when the token was issued, one call within that time is believed. It is
// in memory only and does not block.
func (g *Grant) Invalidate(accessToken string) {
	if g.grant != nil {
		g.invalidate(accessToken)
	}
}

// invalidate reports whether another token may help against the refusal. While
// none is held the grant is signed out or closed, and a refusal must not sign
// it in again.
func (g *grant) invalidate(accessToken string) bool {
	s := g.engine.Current()
	switch {
	case s == nil:
		return false
	case s.Value.token.AccessToken != accessToken: // another one is held, or will be
		return true
	case !s.Invalid && !g.believes(s):
		return false
	}
	g.custody.refuse(accessToken)
	g.engine.Invalidate(s)
	return true
}

// believes reports whether a token is old enough to be believed refused.
func (g *grant) believes(s *snapshot) bool {
	t := s.Value.token
	least := youngToken
	if t.lifetime > 0 {
		least = min(least, t.lifetime/10)
	}
	if !s.Value.adopted {
		return time.Since(s.Since) >= least
	}
	age := wallNow().Sub(t.obtained())
	if t.obtained().IsZero() || age < 0 {
		return g.custody.believes(youngToken)
	}
	return age >= least
}
