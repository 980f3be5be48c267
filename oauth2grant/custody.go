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
