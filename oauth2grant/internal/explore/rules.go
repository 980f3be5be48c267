package explore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// refresh trades a refresh token, and looks whether it may be sent at all. It
// returns nil where the server refuses it.
func (w *world) refresh(p *process, refreshToken string, sent int) *issue {
	i := w.server.find(refreshToken)
	switch {
	case i == nil || i.family.ended:
		return nil
	case i.next != nil:
		i.family.ended = true
		if !w.lost(i.next) && !p.markDied(sent) && (!w.rolled || p.knows(i.next)) {
			w.fail("reuse", "%s sends %s again, although %s had been issued for it and was not lost",
				p, refreshToken, i.next.refreshToken())
		}
		return nil
	}
	i.next = w.server.issue(i.family)
	i.next.by, i.next.sent, i.next.at = p, sent, w.tick()
	return i.next
}

// lost reports whether i is gone by one of the honest windows: nobody alive has
// it, or nobody needs to believe so any more.
func (w *world) lost(i *issue) bool {
	return i.lost || !i.stored && i.by != nil &&
		(i.by.killed || i.by.markDied(i.sent) || i.by.closed && i.by.failed > i.by.closing)
}

// markDied reports whether the others need not wait for a request any more that
// p sent in a tick.
func (p *process) markDied(sent int) bool { return p.died > sent && !time.Now().Before(p.markDies) }

// givenUp notes that a process does not wait for an answer any more.
func (w *world) givenUp(p *process, i *issue, after time.Duration) {
	if i == nil {
		return
	}
	i.lost = true
	if after < lastPatience || p.closing == 0 && after < patience {
		w.fail("abandoned", "%s gives up the answer to a refresh after %v", p, after)
	}
}

// saw notes that p writes t into the store.
func (w *world) saw(p *process, t oauth2grant.Token) {
	w.meets(p, t)
	i, old := w.server.find(t.RefreshToken), w.server.find(w.db.record.RefreshToken)
	if i == nil {
		return
	}
	if old != nil && old.family == i.family && old.number > i.number {
		w.fail("older", "%s replaces %s in the store by the older %s", p, old.refreshToken(), i.refreshToken())
	}
	i.stored = true
	if i.family.stored == 0 {
		i.family.stored = w.tick()
	}
	i.family.saved = w.ticks
	w.obtained(i.family)
}

// meets notes that p knows t.
func (w *world) meets(p *process, t oauth2grant.Token) {
	if i := w.server.find(t.RefreshToken); i != nil && p.met[i.family] == 0 {
		p.met[i.family] = w.tick()
	}
}

// obtained notes that a session is somebody's now.
func (w *world) obtained(f *family) {
	if f.obtained == 0 {
		f.obtained = w.tick()
	}
}

// returned looks at what a call has come to.
func (w *world) returned(c *call, t oauth2grant.Token) {
	took := time.Since(c.at)
	switch {
	case c.name == "Close":
		c.p.closed = true
		if took > longestClose {
			w.fail("hang", "Close of %s takes %v", c.p, took)
		}
	case took > longestCall+time.Second:
		w.fail("hang", "%s takes %v, which is longer than its context lives", c, took)
	}
	if c.replaces != nil && c.replaces.obtained == 0 && !left(c.err) {
		c.replaces.obtained = c.ended
	}
	if c.err == nil && t != (oauth2grant.Token{}) {
		w.given(c.p, t)
		if c.name == "RefreshToken" && c.alone && t.AccessToken == c.held.AccessToken && !w.rolled {
			w.fail("same", "%s returns %s, which was held before", c, t.AccessToken)
		}
	}
}

const longestClose = 16 * time.Second

// left reports whether a caller has left before anything was done for it.
func left(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, oauth2grant.ErrClosed)
}

// given looks whether a token that somebody was given is safe: it was in the
// store, or it waits because the store has failed.
func (w *world) given(p *process, t oauth2grant.Token) *issue {
	i := w.server.find(t.AccessToken)
	if i == nil {
		w.fail("issued", "%s gives a token that nobody has issued", p)
		return nil
	}
	if !i.stored && p.failed <= i.at && !w.sets(p, i) {
		w.fail("unsaved", "%s gives %s to a caller, before it was in the store", p, i.accessToken())
	}
	w.obtained(i.family)
	return i
}

// sets reports whether somebody waits for p to save i, which waits to be
// written as soon as a sign-in, which holds the lock, has been stopped.
func (w *world) sets(p *process, i *issue) bool {
	return slices.ContainsFunc(w.calls, func(c *call) bool {
		return c.p == p && c.replaces == i.family && c.ended == 0 && w.scenario.Interactive
	})
}

// check looks at what every process would give to a caller now.
func (w *world) check() {
	for _, p := range w.processes {
		if p.killed || p.closed {
			continue
		}
		t := w.peek(p)
		if t == (oauth2grant.Token{}) {
			p.bare = true
			continue
		}
		i := w.given(p, t)
		if i == nil || i == p.seen && !p.bare {
			continue
		}
		p.bare = false
		if p.seen != nil && p.seen.family == i.family && p.seen.number > i.number && (!w.rolled || i.next.by == p) {
			w.fail("older", "%s goes back from %s to the older %s", p, p.seen.accessToken(), i.accessToken())
		}
		if why := w.superseded(i.family, p); why != "" && !w.rolled {
			w.fail("superseded", "%s gives %s again, although %s", p, i.accessToken(), why)
		}
		p.seen = i
	}
}

// flowBegins looks whether somebody wants the sign-in that p begins.
func (w *world) flowBegins(p *process) {
	if i := w.unlooked(p); i != nil && !w.fetches(p) {
		w.fail("needless", "%s signs in, although the store holds %s, which it has not looked at", p, i.refreshToken())
	}
	revoked, called := 0, 0
	for _, c := range w.calls {
		switch obtains := !c.revokes && c.replaces == nil && c.name != "Close"; {
		case c.p != p || c.began == 0:
		case obtains && c.ended == 0:
			return // it may be for this one
		case obtains:
			called = max(called, c.ended) // if that failed, the background goes on
		case c.ended > 0 && c.revokes && !left(c.err):
			revoked = max(revoked, c.began)
		}
	}
	if called < revoked {
		w.fail("unwanted", "%s signs in again after a sign-out, although nobody has called since", p)
	}
}

// told looks whether what p tells the program is so.
func (w *world) told(p *process, e oauth2grant.Event) {
	if e.Kind != oauth2grant.EventLoginRequired {
		return
	}
	if i := w.unlooked(p); i != nil && w.db.changed < p.acted { // else it may have been decided before
		w.fail("needless", "%s wants a person, although the store holds %s, which it has not looked at",
			p, i.refreshToken())
	}
}

// unlooked returns what another process has put into the store since p looked
// at it last, if that is good; nil: there is nothing of the kind.
func (w *world) unlooked(p *process) *issue {
	d := &w.db
	i := w.server.find(d.record.RefreshToken)
	if d.changed <= p.looked || d.changer == p || i == nil || i.family.ended || i.next != nil {
		return nil
	}
	return i
}

// fetches reports whether somebody asks p to run the flow in any case.
func (w *world) fetches(p *process) bool {
	return slices.ContainsFunc(w.calls, func(c *call) bool { return c.p == p && c.name == "FetchToken" && c.began > 0 })
}

// superseded says what came after a session was obtained and so ended it, for
// the process by, or for everybody where that is nil; empty: nothing.
func (w *world) superseded(f *family, by *process) string {
	if f.obtained == 0 {
		return ""
	}
	since := f.obtained
	if by != f.by && f.stored > 0 { // what could not be saved is saved later
		since = f.stored
		if f.by != nil && f.by.unread > f.began { // and over whatever is there, if that could not be seen
			since = f.saved
		}
	}
	for _, c := range w.calls {
		if c.ended == 0 || by != nil && c.p != by {
			continue
		}
		if (c.revokes || c.replaces != nil && c.replaces != f) && since < c.began &&
			w.stands(c, f) && !w.underWay(f, c.began) {
			return c.String() + " came after it"
		}
	}
	for _, g := range w.server.families {
		if g.by == nil || g == f || g.obtained == 0 || by != nil && g.by != by || w.underWay(f, g.began) {
			continue
		}
		if since < g.began && (g.latest.stored || g.by.alive() && !g.ended && !w.leftBehind(g)) {
			return "a later sign-in of " + g.by.String() + " was given to callers, or stored"
		}
	}
	return ""
}

// underWay reports whether the call that has obtained a session, and was not
// told that it is saved, had not returned yet in a tick.
func (w *world) underWay(f *family, tick int) bool {
	return f.untold && slices.ContainsFunc(w.calls, func(k *call) bool {
		obtains := k.name == "FetchToken" && k.began <= f.began || k.replaces == f
		return obtains && k.p == f.by && k.began > 0 && (k.ended == 0 || k.ended > tick)
	})
}

// leftBehind reports whether the process that signed in has signed out since.
func (w *world) leftBehind(g *family) bool {
	return slices.ContainsFunc(w.calls, func(c *call) bool { return c.p == g.by && c.revokes && c.began > g.began })
}

// stands reports whether what a call has done to a session is for good: it
// succeeded, or the process lives on and will do it. A sign-out that the store
// has failed is for what the process knew of.
func (w *world) stands(c *call, f *family) bool {
	met, known := c.p.met[f]
	switch {
	case c.err == nil:
		return true
	case c.revokes && (!known || met > c.began):
		return false
	}
	return !left(c.err) && !c.p.killed && !c.p.closed
}

// atRest looks at the store when everything has come to rest.
func (w *world) atRest() {
	if h := w.db.holder; h != nil && !h.killed && w.db.freedAt.IsZero() {
		w.fail("lock", "%s still holds the lock, at rest", h)
	}
	for _, c := range w.calls {
		if c.began > 0 && c.ended == 0 && !c.p.killed {
			w.fail("hang", "%s has not returned after %v, and nothing happens any more", c, time.Since(c.at))
		}
	}
	i := w.server.find(w.db.record.RefreshToken)
	if i == nil {
		w.emptyAtRest()
		return
	}
	if why := w.superseded(i.family, nil); why != "" && !w.rolled {
		w.fail("superseded", "the store holds %s, although %s", i.refreshToken(), why)
	}
	if i.family.ended || i.next == nil {
		return
	}
	if w.lost(i.next) || w.rolled && (!w.probed || !w.known(i.next)) {
		return // one of the honest windows
	}
	w.fail("lost", "the store holds %s, which was traded for %s, and %s lives",
		i.refreshToken(), i.next.refreshToken(), i.next.by)
}

// known reports whether a process that lives has i, or what came of it.
func (w *world) known(i *issue) bool {
	return slices.ContainsFunc(w.processes, func(p *process) bool { return p.alive() && p.knows(i) })
}

func (p *process) knows(i *issue) bool {
	return i.by == p || p.seen != nil && p.seen.family == i.family && p.seen.number >= i.number
}

func (p *process) alive() bool { return p != nil && !p.killed && !p.closed }

// emptyAtRest looks whether the store may be empty.
func (w *world) emptyAtRest() {
	if w.rolled {
		return
	}
	for _, c := range w.calls {
		if c.began > 0 && c.revokes {
			return
		}
	}
	for _, f := range w.server.families {
		if i := f.latest; f.ended || f.obtained == 0 || w.lost(i) {
			continue
		}
		i := f.latest
		w.fail("lost", "the store is empty, although nobody has signed out and %s is good", i.refreshToken())
	}
}
