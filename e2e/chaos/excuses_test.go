package chaos

import (
	"fmt"
	"slices"
	"time"
)

// excuse returns why nobody could have kept a sign-in whose refresh token was
// sent twice; empty: somebody could. It lies in what became of the first of the
// two requests, which may have reached the server as the second.
func (c court) excuse(reuse entry) string {
	spent, ok := c.first(func(e entry) bool { return e.What == rotates && e.Refresh == reuse.Refresh })
	if !ok {
		return ""
	}
	first, second, end := spent, reuse, reuse.At
	if saved, ok := c.first(func(e entry) bool { return e.What == saves && e.Refresh == spent.Next }); ok {
		if why := c.wentBack(spent, saved, reuse); why != "" {
			return why
		}
		end = saved.At
	}
	if c.request(reuse).out.Before(c.request(spent).out) {
		first, second, end = reuse, spent, reuse.At
	}
	request := c.request(first)
	if why := c.ended(first, request, end); why != "" {
		return why
	}
	if out := c.request(second).out; out.Before(end) {
		end = out
	}
	if why := c.silence(first.Who, request.out, end); why != "" {
		return why
	}
	if !request.answered {
		for _, e := range c.entries {
			cut := e.Who == theServer && slices.Contains([]string{"cut", "away"}, e.Err)
			if cut && meets(e, request.out, request.done) {
				return fmt.Sprintf("the answer to %s was lost on the wire: %s at %s",
					first.Request, e.Err, e.Begin.Format("05.000"))
			}
		}
	}
	return ""
}

// ended returns that the worker of a request has ended before it could save the
// answer.
func (c court) ended(sent entry, r request, end time.Time) string {
	e, ok := c.first(func(e entry) bool {
		return e.Who == sent.Who && (e.What == kills || e.What == endsWell) && meets(e, r.out, end)
	})
	if !ok {
		return ""
	}
	if e.What == kills {
		if held := e.Begin.Sub(r.done); r.answered && held > patience && !c.kept(sent.Who, r.done, e.Begin) {
			return "" // it had the time
		}
		return fmt.Sprintf("%s was killed at %s with its request out", e.Who, e.At.Format("05.000"))
	}
	from := e.Begin
	for _, try := range c.entries {
		if try.What == savesNot && try.Who == sent.Who && try.Key == sent.Key && try.Refresh == sent.Next {
			from = try.Begin // the last one counts
		}
	}
	if trouble, ok := c.trouble(theStore, from.Add(-time.Second), e.At); ok {
		return fmt.Sprintf("%s was closed while the store was in trouble: %s", e.Who, trouble.Err)
	}
	return ""
}

// patience is how long a holder may take to save an answer while nothing keeps
// it from that.
const patience = 5 * time.Second

// kept reports whether a holder was kept from saving between two times, for all
// but so long.
func (c court) kept(who string, from, to time.Time) bool {
	free := to.Sub(from)
	for _, e := range c.entries {
		if meets(e, from, to) && (e.Who == theStore || e.Who == who && e.What == stops) {
			free -= e.At.Sub(e.Begin) + time.Second
		}
	}
	return free < patience
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
		var done time.Time
		switch {
		case e.Request == spent.Request && (e.What == sends || e.What == sendsFree):
			r.out = e.At
		case e.Request == spent.Request && (e.What == answered || e.What == unanswered),
			e.Who == spent.Who && e.What == endsWell:
			done = e.At
		case e.Who == spent.Who && e.What == kills:
			done = e.Begin
		}
		if done.After(r.out) && done.Before(r.done) {
			r.done, r.answered = done, e.What == answered
		}
	}
	return r
}

// trouble returns what was the matter with the store or the authorization
// server between two times.
func (c court) trouble(with string, from, to time.Time) (entry, bool) {
	return c.first(func(e entry) bool {
		return e.Who == with && (e.What == troubles || e.What == failsOver) && meets(e, from, to)
	})
}

// failover returns one between two times, of a store that it may take back.
func (c court) failover(from, to time.Time) (entry, bool) {
	if !c.kind.back {
		return entry{}, false
	}
	return c.first(func(e entry) bool { return e.What == failsOver && meets(e, from, to) })
}

// silence returns why a holder who had sent its request was not heard of for so
// long that its mark was dead when somebody else sent one: it was stopped, and
// perhaps the store was away before or after that.
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
		case !stopped || d < least || to.Sub(quiet.Begin) < least || !meets(quiet, from, to):
		case e.What == stops && e.At.Sub(e.Begin) >= least:
			d = e.At.Sub(e.Begin)
			return fmt.Sprintf("%s was stopped for %v with its request out", who, d.Round(time.Millisecond))
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
	over, ok := c.failover(saved.Begin, reuse.At)
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
	return fmt.Sprintf("the store went back at %s (%s), and who knew better was gone",
		over.Begin.Format("05.000"), over.Err)
}
