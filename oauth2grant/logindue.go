package oauth2grant

import "time"

// A refresh token that ends takes the session with it, and only a person can
// begin another one. So it is used shortly before that, also where nobody uses
// the grant: either the server lets the next one last longer, and nothing
// happens, or it does not, and a login is due.

const (
	shortestNotice = 10 * time.Minute
	longestNotice  = 24 * time.Hour
)

// endSaid returns since when the server has said that the refresh token of t
// ends when it does; zero if nobody noted it. A refresh that does not put the
// end off leaves it as it was.
func (t Token) endSaid() time.Time {
	if at := t.readMeta().EndSaid; at > 0 {
		return time.UnixMilli(at).UTC()
	}
	return t.obtained()
}

// endSaidAfter is endSaid for the answer to a refresh of old, as meta has it:
// zero if the answer has put the end off. A server that counts down to one end
// in whole seconds seems to move it, by up to a second.
func (t Token) endSaidAfter(old Token, now time.Time) int64 {
	from := old.obtained()
	if t.refreshEnd.IsZero() || old.refreshEnd.IsZero() || from.IsZero() ||
		t.refreshEnd.Sub(old.refreshEnd) > max(now.Sub(from)/2, time.Second) {
		return 0
	}
	return old.endSaid().UnixMilli()
}

// noticeAt returns from when on the end of the refresh token of t is near: a
// tenth of its life before it, at least 10 min and at most a day, but not more
// than half of that life. It is zero if the server did not say when it ends.
func (t Token) noticeAt() time.Time {
	end := t.refreshExpiry()
	if end.IsZero() || t.RefreshToken == "" {
		return time.Time{}
	}
	notice := shortestNotice
	if since := t.endSaid(); !since.IsZero() {
		life := max(0, end.Sub(since))
		notice = min(max(life/10, shortestNotice), longestNotice, life/2)
	}
	return end.Add(-notice)
}

// endsSoon reports whether the end of the refresh token of t is near, and t was
// issued so lately that another refresh would not put it off. Seconds that the
// server has rounded must not cause one.
func (t Token) endsSoon() bool {
	at := t.noticeAt()
	slack := min(t.refreshExpiry().Sub(at)/10, time.Minute)
	return !at.IsZero() && !t.obtained().Before(at.Add(-slack))
}

// loginDue returns the event that follows e, if e has shown that the refresh
// token will end: a refresh when the end was near has not put it off, or has
// failed. There is one for each end.
func (g *grant) loginDue(e Event) (due Event, ok bool) {
	t := e.Token
	switch e.Kind {
	case EventObtained, EventAdopted, EventSet:
		ok = t.endsSoon()
	case EventFailed:
		s := g.engine.Current()
		if s == nil {
			return Event{}, false
		}
		t = s.Value.token
		at := t.noticeAt()
		ok = !at.IsZero() && !wallNow().Before(at)
	}
	end, which := t.refreshExpiry(), t.endSaid()
	if which.IsZero() {
		which = end
	}
	if !ok || !g.personal() || !wallNow().Before(end) || g.loginDueOf.Equal(which) {
		return Event{}, false
	}
	g.loginDueOf = which
	return Event{Kind: EventLoginDue, RefreshExpiry: end}, true
}
