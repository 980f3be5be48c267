package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// finding is what the judge has to say of one event.
type finding struct {
	at   time.Time
	key  string
	what string
	why  string // the window in which no client could have done better; empty: there is none
}

// court judges a journal.
type court struct {
	kind    kind
	entries []entry
}

func judge(k kind, entries []entry) (found []finding) {
	c := court{k, entries}
	found = slices.Concat(c.losses(), c.overlaps(), c.older())
	for _, e := range entries {
		switch e.What {
		case misses:
			found = append(found, finding{at: e.At, key: e.Key, what: "the store has lost the token: " + e.Who + " found none"})
		case sendsFree:
			found = append(found, finding{at: e.At, key: e.Key, what: "a refresh token was sent without the lock: " + e.Request})
		case leaks:
			found = append(found, finding{at: e.At, what: e.Who + " leaks: " + e.Err})
		}
	}
	slices.SortFunc(found, func(a, b finding) int { return a.at.Compare(b.at) })
	return found
}

// first returns the first entry that is wanted.
func (c court) first(wanted func(e entry) bool) (entry, bool) {
	i := slices.IndexFunc(c.entries, wanted)
	if i < 0 {
		return entry{}, false
	}
	return c.entries[i], true
}

// losses finds the sign-ins that have ended since a refresh token came back.
func (c court) losses() (found []finding) {
	for _, e := range c.entries {
		switch e.What {
		case revokes:
			found = append(found, finding{
				at: e.At, key: e.Key, what: fmt.Sprintf("a sign-in is lost: %s sent %s again", e.Who, e.Refresh), why: c.excuse(e),
			})
		case needsLogin:
			if !c.revoked(e) {
				found = append(found, finding{at: e.At, key: e.Key, what: e.Who + " asks for a sign-in though there is one: " + e.Err})
			}
		}
	}
	return found
}

// revoked reports whether a sign-in had been revoked, and its successor was not
// saved long before e.
func (c court) revoked(e entry) bool {
	var ended, saved time.Time
	for _, one := range c.entries {
		if one.Key != e.Key || one.At.After(e.At) {
			continue
		}
		switch {
		case one.What == revokes:
			ended = one.At
		case one.What == saves && one.Who == thePerson:
			saved = one.At
		}
	}
	return !ended.IsZero() && (saved.Before(ended) || e.Begin.Before(saved.Add(lifetime)))
}

// excuse returns why nobody could have kept a sign-in whose refresh token was
// sent twice; empty: somebody could. It lies in what became of the first of the
// two requests, which may have reached the server as the second.
func (c court) excuse(reuse entry) string {
	spent, ok := c.first(func(e entry) bool { return e.What == rotates && e.Refresh == reuse.Refresh })
	if !ok {
		return ""
	}
	first, end := spent, reuse.At
	if saved, ok := c.first(func(e entry) bool { return e.What == saves && e.Refresh == spent.Next }); ok {
		if why := c.wentBack(spent, saved, reuse); why != "" {
			return why
		}
		end = saved.At
	}
	if c.request(reuse).out.Before(c.request(spent).out) {
		first, end = reuse, reuse.At
	}
	request := c.request(first)
	for _, e := range c.entries {
		if e.Who != first.Who || e.At.Before(request.out) || e.Begin.After(end) {
			continue
		}
		switch e.What {
		case kills:
			return fmt.Sprintf("%s was killed at %s with its request out", e.Who, e.At.Format("05.000"))
		case endsWell:
			if trouble, ok := c.trouble(e.Begin, e.At); ok {
				return fmt.Sprintf("%s was closed while the %s was in trouble (%s)", e.Who, trouble.Who, trouble.Err)
			}
		}
	}
	if why := c.silence(first.Who, request.out, end); why != "" {
		return why
	}
	if !request.answered {
		for _, e := range c.entries {
			if e.Who == theServer && slices.Contains([]string{"cut", "away"}, e.Err) && meets(e, request.out, request.done) {
				return fmt.Sprintf("the answer to %s was lost on the wire: %s at %s", first.Request, e.Err, e.Begin.Format("05.000"))
			}
		}
	}
	return ""
}

// meets reports whether something went on between two times.
func meets(e entry, from, to time.Time) bool { return !e.At.Before(from) && !e.Begin.After(to) }

// request is a token request as its worker has seen it.
type request struct {
	out      time.Time // when it was sent
	done     time.Time // when its answer was there, or was given up, or its worker was killed
	answered bool
}

func (c court) request(spent entry) request {
	r := request{out: spent.Begin, done: c.entries[len(c.entries)-1].At}
	for _, e := range c.entries {
		switch {
		case e.Request == spent.Request && (e.What == sends || e.What == sendsFree) && e.At.Before(r.out):
			r.out = e.At
		case e.Request == spent.Request && (e.What == answered || e.What == unanswered),
			e.Who == spent.Who && (e.What == kills || e.What == endsWell) && e.At.After(r.out):
			if e.At.Before(r.done) {
				r.done, r.answered = e.At, e.What == answered
			}
		}
	}
	return r
}

// trouble returns what was the matter with the store or the authorization
// server between two times.
func (c court) trouble(from, to time.Time) (entry, bool) {
	return c.first(func(e entry) bool {
		return (e.What == troubles || e.What == failsOver) && meets(e, from, to)
	})
}

// silence returns why a holder was not heard of for so long that its mark died:
// it was stopped, and perhaps the store was away before or after that.
func (c court) silence(who string, from, to time.Time) string {
	life := c.kind.markLife()
	if life == 0 {
		return ""
	}
	least := life - c.kind.lease/3 - time.Second // it is extended each third of the lease
	var quiet entry
	stopped := false
	for _, e := range c.sorted(func(e entry) bool {
		return e.What == stops && e.Who == who || e.Who == theStore && (e.What == troubles || e.What == failsOver)
	}) {
		if quiet.At.IsZero() || e.Begin.After(quiet.At.Add(time.Second)) {
			quiet, stopped = e, false
		}
		if e.At.After(quiet.At) {
			quiet.At = e.At
		}
		stopped = stopped || e.What == stops && meets(e, from, to)
		d := quiet.At.Sub(quiet.Begin)
		switch {
		case !stopped || d < least || !meets(quiet, from, to):
		case e.What == stops && e.At.Sub(e.Begin) >= least:
			return fmt.Sprintf("%s was stopped for %v with its request out", who, e.At.Sub(e.Begin).Round(time.Millisecond))
		default:
			return fmt.Sprintf("%s was stopped while the store was away, %v in all", who, d.Round(time.Millisecond))
		}
	}
	return ""
}

// sorted returns the entries that are wanted by their beginning.
func (c court) sorted(wanted func(e entry) bool) (some []entry) {
	for _, e := range c.entries {
		if wanted(e) {
			some = append(some, e)
		}
	}
	slices.SortFunc(some, func(a, b entry) int { return a.Begin.Compare(b.Begin) })
	return some
}

// wentBack returns that the store had forgotten what was saved, when nobody was
// left who knew it.
func (c court) wentBack(spent, saved, reuse entry) string {
	if !c.kind.back {
		return ""
	}
	over, ok := c.first(func(e entry) bool { return e.What == failsOver && meets(e, saved.Begin, reuse.At) })
	if !ok {
		return ""
	}
	for _, e := range c.entries {
		if e.Refresh != spent.Next || e.At.After(reuse.At) || e.What != saves && e.What != loads && e.What != gives {
			continue
		}
		gone := slices.ContainsFunc(c.entries, func(end entry) bool {
			if end.Who != e.Who || end.Begin.After(reuse.At) {
				return false
			}
			return end.What == kills || end.What == endsWell || end.What == stops && meets(end, over.Begin, reuse.At)
		})
		if !gone {
			return ""
		}
	}
	return fmt.Sprintf("the store went back at %s (%s), and who knew better was gone", over.Begin.Format("05.000"), over.Err)
}

// overlaps finds refreshes of one sign-in that were under way at the same time.
func (c court) overlaps() (found []finding) {
	type sent struct {
		entry
		request
	}
	last := map[string][]sent{}
	for _, e := range c.entries {
		if e.What != rotates && e.What != revokes && e.What != refuses || e.Key == "" {
			continue
		}
		now := sent{e, c.request(e)}
		for _, before := range last[e.Key] {
			if before.Who == now.Who || !before.out.Before(now.done) || !now.out.Before(before.done) {
				continue
			}
			f := finding{at: e.At, key: e.Key, what: "two refreshes at the same time: " + before.Request + " and " + now.Request}
			f.why = c.silence(before.Who, before.out, before.done)
			if f.why == "" {
				f.why = c.silence(now.Who, now.out, now.done)
			}
			found = append(found, f)
		}
		last[e.Key] = append(last[e.Key], now)
	}
	return found
}

// older finds tokens that came after newer ones: from the store to anybody, or
// from one process to its callers.
func (c court) older() (found []finding) {
	turn := map[string]int{}
	for _, e := range c.entries {
		if e.What == issues || e.What == rotates {
			turn[e.Next] = len(turn) + 1
		}
	}
	type sight struct {
		at     time.Time
		newest int // that had been seen until then
	}
	seen := map[string][]sight{}
	for _, e := range c.entries {
		if e.What != loads && e.What != gives {
			continue
		}
		by := e.Key
		if e.What == gives {
			by += " by " + e.Who
		}
		i, _ := slices.BinarySearchFunc(seen[by], e.Begin, func(s sight, at time.Time) int { return s.at.Compare(at) })
		newest := 0
		if i > 0 {
			newest = seen[by][i-1].newest
		}
		if turn[e.Refresh] < newest {
			f := finding{at: e.At, key: e.Key, what: fmt.Sprintf("%s %s %s, older than what was seen before", e.Who, e.What, e.Refresh)}
			if over, ok := c.first(func(f entry) bool { return f.What == failsOver && meets(f, f.Begin, e.At) }); ok && c.kind.back {
				f.why = "the store went back when it failed over at " + over.Begin.Format("05.000")
			}
			found = append(found, f)
		}
		most := turn[e.Refresh]
		if all := seen[by]; len(all) > 0 {
			most = max(most, all[len(all)-1].newest)
		}
		seen[by] = append(seen[by], sight{e.At, most})
	}
	return found
}

// timeline returns what went on around a finding.
func (c court) timeline(f finding) string {
	const before, after = 20 * time.Second, 3 * time.Second
	var b strings.Builder
	for _, e := range c.entries {
		if (e.Key == f.key || e.Key == "") && e.Request == "" || e.Key == f.key {
			if !e.At.Before(f.at.Add(-before)) && !e.Begin.After(f.at.Add(after)) {
				fmt.Fprintln(&b, "   ", e)
			}
		}
	}
	return b.String()
}
