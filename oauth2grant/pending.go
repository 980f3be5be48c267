package oauth2grant

import (
	"context"
	"fmt"
	"time"
)

// pending is the one write that waits.
type pending struct {
	want       Token   // zero: delete
	over       []Token // what the store may hold for it; nil: whatever it holds
	mark       string  // of the request that want answers; empty: it answers none
	whole      bool    // over stands for all that has become of it
	tried      bool    // without a look: the store may hold want already, or what others have made of it
	gone       bool    // somebody had signed out before
	generation uint64
}

// put makes p the write that waits, unless a later one was asked for. It
// reports whether it did. In the place of another that still waited, a token
// may also be written over what that was to replace; but not the answer to a
// mark, for which the store has been written.
func (c *custody) put(p pending) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.generation < c.generation {
		return false
	}
	if old := c.pending; old != nil && old.over != nil && p.over != nil && p.mark == "" {
		p.over, p.whole = append(p.over, old.over...), p.whole || old.whole
	}
	c.generation, c.pending, c.latest = p.generation, &p, p.want
	c.writes++
	select {
	case c.changed <- struct{}{}:
	default:
	}
	return true
}

// waits returns the write that waits, nil if all is written.
func (c *custody) waits() *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pending
}

// quiet returns how many writes have begun and ended so far, and reports
// whether none waits. What was loaded without the lock is of worth only if it
// was quiet, and the number is the same before and after.
func (c *custody) quiet() (writes uint64, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes, c.pending == nil
}

// flush writes what waits, if the store holds what that may replace. It returns
// what the store then holds, or should hold.
func (c *custody) flush(held context.Context, v view) view {
	p := c.waits()
	switch {
	case p == nil && v.err == nil && c.wentBack(v.Token):
		p = c.waits()
	case p == nil:
		return v
	case v.err != nil && (p.over != nil || p.tried):
		return view{Token: p.want, err: v.err}
	case v.err != nil:
	case same(v.Token, p.want):
		c.settled(p, true)
		return v
	case !c.mayReplace(p, v.Token):
		c.settled(p, false) // somebody else has saved, or deleted, since
		return v
	}
	if p.over == nil {
		p = c.amend(p, func(q *pending) {
			if q.tried = true; v.err == nil { // what others put there from now on is newer
				q.over, q.whole, q.gone = []Token{v.Token}, true, c.gone
			}
		})
	}
	return view{Token: p.want, err: c.write(context.WithoutCancel(held), p)} // what was issued must not be lost
}

// replace makes p the write that waits and writes it. It is called under the
// lock, when the store is known to hold what p may replace.
func (c *custody) replace(held context.Context, p pending) view {
	if !c.put(p) {
		return view{err: errOvertaken}
	}
	return view{Token: p.want, err: c.flushPending(context.WithoutCancel(held))}
}

// flushPending writes what waits, under the lock or, if it answers a mark, in
// one step with a look at the mark. It returns nil if nothing waits.
func (c *custody) flushPending(ctx context.Context) error {
	p := c.waits()
	if p == nil {
		return nil
	}
	return c.write(ctx, p)
}

// answering reports whether what waits is the answer to a mark, and whether it
// can be written without the lock.
func (c *custody) answering() (answers, unlocked bool) {
	p := c.waits()
	answers = p != nil && p.mark != ""
	return answers, answers && c.answers != nil
}

// write writes p, and takes it off if that succeeds.
func (c *custody) write(ctx context.Context, p *pending) error {
	ctx, cancel := c.within(ctx, saveTimeout)
	defer cancel()
	err := c.call(ctx, p)
	c.mu.Lock()
	c.tried = time.Now()
	if err == nil {
		c.found = p.want
	}
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	c.settled(p, true)
	return nil
}

func (c *custody) call(ctx context.Context, p *pending) error {
	switch {
	case p.mark != "" && c.answers != nil:
		return c.answers.SaveAnswer(ctx, p.mark, p.want)
	case same(p.want, Token{}):
		return c.store.Delete(ctx)
	default:
		return c.store.Save(ctx, p.want)
	}
}

// settled takes p off, unless another write waits by now, and notes whether the
// store has held what it wants.
func (c *custody) settled(p *pending, written bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = true
	if written {
		c.written = p.generation
	}
	if c.pending == p {
		c.pending = nil
		c.writes++
	}
}

// amend puts an amended p in the place of p, if that still waits. It returns
// what was amended.
func (c *custody) amend(p *pending, change func(*pending)) *pending {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending != p {
		return p
	}
	amended := *p
	change(&amended)
	c.pending = &amended
	return c.pending
}

// wins reports whether what waits is still to be written after the store
// refused it because the lock, or the mark that it answers, was lost: not if
// somebody else has changed the token. Where only the mark is gone, it answers
// none any more.
func (c *custody) wins(ctx context.Context) bool {
	p := c.waits()
	if p == nil {
		return true
	}
	t, _, err := c.loadMarked(ctx)
	switch {
	case err != nil:
		return true
	case same(t, p.want) || !c.mayReplace(p, t):
		c.settled(p, false)
		return false
	case t.Mark() != p.mark:
		c.amend(p, func(q *pending) { q.mark = "" })
	}
	return true
}
