package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// custody is a token in its [Store]: what is there, what waits to be written,
// and the one critical section in which either changes.
type custody struct {
	store   Store
	answers AnswerSaver   // nil: the store is none
	durable bool          // the store outlives the grant
	timeout time.Duration // of one Load
	log     *slog.Logger

	// mu guards what follows. It is never held during a call of the store.
	mu         sync.Mutex
	known      bool     // the store has held a token: from now on an empty store means signed out
	found      Token    // what the store was last seen to hold; zero: none
	gone       bool     // it was last seen to remember a sign-out
	latest     Token    // obtained or adopted last; zero: none, or signed out
	pending    *pending // nil: all is written
	generation uint64   // of the last write that was asked for
	writes     uint64   // begun and ended so far
	written    uint64   // the generation of the last write that was done
	tried      time.Time
	changed    chan struct{} // has room for one word that another write waits
	spent      [8]uint64     // fingerprints of refresh tokens that the server has answered with another
	nextSpent  int
	refused    string    // the access token that an API refused last
	believed   time.Time // when an API was last believed about a token of unknown age
	dead       string    // the refresh token that the server refused
	asked      string    // the refresh token with which a login was found to be required
}

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

// view is what was found in the store under the lock.
type view struct {
	Token // zero: none
	// err says that the store could not be read, or that what was to be written
	// could not be: then Token is what it should hold.
	err error
}

// waiting says how to wait for the lock.
type waiting struct {
	limit   time.Duration   // zero: as long as ctx
	news    context.Context // the wait ends with it; nil: not
	slow    func()          // called once the wait has become long; nil: nothing
	current func() bool     // reports whether the section is still wanted; nil: it is
	blind   bool            // run the body though the store can't be read
}

var (
	errNotSaved  = errors.New("oauth2grant: the token is not saved")
	errNotSeen   = errors.New("oauth2grant: the token in the store has changed, but can't be read")
	errNotSent   = errors.New("oauth2grant: the refresh token was not sent, since the store can't be written")
	errStore     = errors.New("oauth2grant: the store failed")
	errLocked    = errors.New("somebody else holds the lock for long")
	errChanged   = errors.New("somebody else has changed the token")
	errOvertaken = errors.New("oauth2grant: the token was set or revoked meanwhile")
)

const (
	saveTimeout = 5 * time.Second // of one write
	saveEvery   = time.Second     // between two tries to write what waits
	longWait    = 2 * time.Second // for the lock
)

func newCustody(s Store, timeout time.Duration) *custody {
	c := &custody{store: s, durable: s != nil, timeout: timeout, changed: make(chan struct{}, 1)}
	if s == nil {
		c.store = &memoryStore{}
	}
	c.answers, _ = s.(AnswerSaver)
	return c
}

// same reports whether two tokens are one, however a store has brought them
// back.
func same(a, b Token) bool {
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}

// locked runs body in the critical section: it takes the lock, frees it
// whatever happens, looks at the store, makes sure that the section is still
// wanted, and writes what waits.
func (c *custody) locked(ctx context.Context, w waiting, body func(held context.Context, v view) error) error {
	held, unlock, err := c.lock(ctx, w)
	if err != nil {
		return err
	}
	defer unlock()
	v := c.look(held)
	if err := lost(held, ctx); err != nil {
		return err
	}
	if v.err != nil && !w.blind {
		return v.err
	}
	if w.current != nil && !w.current() {
		return errOvertaken
	}
	return body(held, c.flush(held, v))
}

// lost returns [ErrLockLost] if the lock was lost, and with it the worth of
// what was seen of the store: if held has ended, but not ctx, of which it was
// made.
func lost(held, ctx context.Context) error {
	if held.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", ErrLockLost, context.Cause(held))
	}
	return nil
}

// lock takes the lock of the store. Whether it was obtained or given up is
// decided once.
func (c *custody) lock(ctx context.Context, w waiting) (held context.Context, unlock func(), err error) {
	limited, cancel := context.WithCancelCause(ctx)
	var decided sync.Once
	var why error // set if it was given up
	giveUp := func(reason error) {
		decided.Do(func() { why = reason; cancel(reason) })
	}
	if w.news != nil {
		defer context.AfterFunc(w.news, func() { giveUp(errChanged) })()
	}
	if w.limit > 0 {
		defer time.AfterFunc(w.limit, func() { giveUp(errLocked) }).Stop()
	}
	if w.slow != nil {
		defer time.AfterFunc(longWait, w.slow).Stop()
	}
	asked := c.waitingForLock(ctx)
	held, release, err := c.store.Lock(limited)
	decided.Do(func() {})
	c.waitedForLock(ctx, asked, err)
	switch {
	case err == nil && why == nil:
		return held, func() { release(); cancel(nil) }, nil
	case err == nil:
		release()
		err = why
	case context.Cause(limited) != nil:
		err = context.Cause(limited)
	}
	cancel(nil)
	return nil, nil, fmt.Errorf("%w: lock: %w", errStore, err)
}

// load returns what the store holds, without its mark.
func (c *custody) load(ctx context.Context) (t Token, found bool, err error) {
	t, found, err = c.loadMarked(ctx)
	return t.marked("", time.Time{}), found, err
}

func (c *custody) loadMarked(ctx context.Context) (t Token, found bool, err error) {
	ctx, cancel := c.within(ctx, c.timeout)
	defer cancel()
	t, err = c.store.Load(ctx)
	switch {
	case err != nil && !errors.Is(err, ErrNoToken):
		return Token{}, false, fmt.Errorf("%w: load: %w", errStore, err)
	case err != nil, same(t, Token{}):
		c.meet(Token{}, errors.Is(err, ErrSignedOut))
		return Token{}, false, nil
	}
	t = defaultType(t)
	c.meet(t.marked("", time.Time{}), false)
	return t, true, nil
}

// within bounds one call of the store; memory needs no bound.
func (c *custody) within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if !c.durable {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

func (c *custody) look(ctx context.Context) view {
	t, _, err := c.load(ctx)
	return view{Token: t, err: err}
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
