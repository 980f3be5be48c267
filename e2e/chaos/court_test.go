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

func (e entry) finding(what string) finding { return finding{at: e.At, key: e.Key, what: what} }

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
			found = append(found, e.finding("the store has lost the token: "+e.Who+" found none"))
		case sendsFree:
			found = append(found, e.finding("a refresh token was sent without the lock: "+e.Request))
		case leaks:
			found = append(found, e.finding(e.Who+" leaks: "+e.Err))
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
			f := e.finding(fmt.Sprintf("a sign-in is lost: %s sent %s again", e.Who, e.Refresh))
			f.why = c.excuse(e)
			found = append(found, f)
		case needsLogin:
			if !c.revoked(e) {
				found = append(found, e.finding(e.Who+" asks for a sign-in though there is one: "+e.Err))
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
			f := e.finding("two refreshes at the same time: " + before.Request + " and " + now.Request)
			if before.out.Before(now.out) {
				f.why = c.silence(before.Who, before.out, now.out)
			} else {
				f.why = c.silence(now.Who, now.out, before.out)
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
		newest int       // that had been seen until then
		token  string    // which that was
		since  time.Time // when it was seen first
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
		var newest sight
		if i > 0 {
			newest = seen[by][i-1]
		}
		if turn[e.Refresh] < newest.newest {
			f := e.finding(fmt.Sprintf("%s %s %s, older than what was seen before", e.Who, e.What, e.Refresh))
			if over, ok := c.failover(newest.since, e.At); ok && !c.wasSaved(newest.token, e.Begin) {
				f.why = fmt.Sprintf("nobody was told that %s is saved, and the store failed over at %s",
					newest.token, over.Begin.Format("05.000"))
			}
			found = append(found, f)
		}
		now := sight{e.At, turn[e.Refresh], e.Refresh, e.Begin}
		if all := seen[by]; len(all) > 0 && all[len(all)-1].newest >= now.newest {
			now = all[len(all)-1]
			now.at = e.At
		}
		seen[by] = append(seen[by], now)
	}
	return found
}

// wasSaved reports whether a token was saved before a time, as far as anybody
// was told.
func (c court) wasSaved(token string, before time.Time) bool {
	_, ok := c.first(func(e entry) bool { return e.What == saves && e.Refresh == token && e.At.Before(before) })
	return ok
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
