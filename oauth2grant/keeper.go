package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// keeper is what a grant knows of its token beside the token itself.
type keeper struct {
	mu      sync.Mutex
	known   bool     // the store has held a token of this grant: from now on an empty store means signed out
	refused string   // the access token that an API refused last
	dead    string   // the refresh token that the server refused
	asked   string   // the refresh token with which a login was found to be required
	waiting *unsaved // nil: all is saved
}

// unsaved is a token that waits to be saved.
type unsaved struct {
	token Token
	base  Token // what the store held when it was made; only over that it may be saved
}

// same tells whether two tokens are one, however a store has brought them back.
func same(a, b Token) bool {
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}

func (k *keeper) refuse(accessToken string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused = accessToken
}

func (k *keeper) wasRefused(t Token) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return t.AccessToken != "" && t.AccessToken == k.refused
}

func (k *keeper) isDead(refreshToken string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return refreshToken == "" || refreshToken == k.dead
}

func (k *keeper) bury(refreshToken string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.dead = refreshToken
}

func (k *keeper) wait(u *unsaved) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.waiting = u
}

func (k *keeper) waits() *unsaved {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.waiting
}

// meet notes that the store has held a token.
func (k *keeper) meet() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = true
}

func (k *keeper) isKnown() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known
}

func (k *keeper) ask(refreshToken string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = refreshToken
}

func (k *keeper) hasAsked(refreshToken string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return refreshToken == "" || refreshToken == k.asked
}

var (
	// errNotSaved marks the failure to save a token that is used all the same.
	errNotSaved = errors.New("oauth2grant: the token is not saved")
	// errNotSeen marks the failure to see what somebody else has changed.
	errNotSeen = errors.New("oauth2grant: the token in the store has changed, but can't be read")
	errStore   = errors.New("oauth2grant: the store failed")
	errLocked  = errors.New("somebody else holds the lock for long")
	errChanged = errors.New("somebody else has changed the token")
)

const (
	saveTimeout   = 5 * time.Second // of one Save or Delete, whatever else ends
	answerTimeout = 2 * time.Second // how much longer a refresh request that was sent may be answered
)

// load gives the stored token; none is no error.
func (g *Grant) load(ctx context.Context) (t Token, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Refresh.Timeout)
	defer cancel()
	t, err = g.store.Load(ctx)
	switch {
	case errors.Is(err, ErrNoToken):
		return Token{}, false, nil
	case err != nil:
		return Token{}, false, fmt.Errorf("%w: load: %w", errStore, err)
	}
	g.keep.meet()
	return defaultType(t), true, nil
}

// lock takes the store's lock. A limit other than zero is how long it waits for that.
func (g *Grant) lock(ctx context.Context, limit time.Duration) (held context.Context, unlock func(), err error) {
	return g.lockUnless(ctx, func(give func(error)) (stop func() bool) {
		if limit == 0 {
			return func() bool { return true }
		}
		return time.AfterFunc(limit, func() { give(errLocked) }).Stop
	})
}

// lockUnless takes the store's lock, unless something gives a reason to wait no longer.
func (g *Grant) lockUnless(ctx context.Context, something func(give func(error)) (stop func() bool)) (held context.Context, unlock func(), err error) {
	limited, cancel := context.WithCancelCause(ctx)
	stop := something(cancel)
	held, release, err := g.store.Lock(limited)
	if !stop() && err == nil {
		release()
		err = errors.New("too late")
	}
	if err != nil {
		if cause := context.Cause(limited); cause != nil {
			err = cause
		}
		cancel(nil)
		return nil, nil, fmt.Errorf("%w: lock: %w", errStore, err)
	}
	return held, func() { release(); cancel(nil) }, nil
}

// saveLast tries once more to save what waits for it, when nothing else runs any more.
func (g *Grant) saveLast() {
	if g.keep.waits() == nil {
		return
	}
	ctx, cancel := context.WithTimeout(g.engine.Afterlife(), saveTimeout)
	defer cancel()
	held, unlock, err := g.lock(ctx, 0)
	if err != nil {
		return
	}
	defer unlock()
	stored, _, err := g.load(held)
	if err == nil {
		_, err = g.settle(held, stored)
	}
	if err != nil {
		g.log.Error("a token could not be saved", "error", err)
	}
}

// save saves under the lock, with time of its own: what was answered must not be lost.
func (g *Grant) save(held context.Context, t Token) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(held), saveTimeout)
	defer cancel()
	if err := g.store.Save(ctx, t); err != nil {
		return fmt.Errorf("%w: %w", errNotSaved, err)
	}
	g.keep.meet()
	return nil
}

// settle saves the token that waits for it, if the store still holds what that was made from. It gives the token that counts.
func (g *Grant) settle(held context.Context, stored Token) (Token, error) {
	u := g.keep.waits()
	if u == nil {
		return stored, nil
	}
	if !same(stored, u.base) {
		g.keep.wait(nil) // somebody else has saved, or deleted, since
		return stored, nil
	}
	if err := g.save(held, u.token); err != nil {
		return u.token, err
	}
	g.keep.wait(nil)
	return u.token, nil
}

// linger gives a context that outlives its parent by the time that a request already sent has to be answered, where there is a store to lose the answer.
func (g *Grant) linger(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.cfg.Store == nil {
		return context.WithCancel(ctx)
	}
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(answerTimeout, func() { cancel(context.Cause(ctx)) })
	})
	return longer, func() { stop(); cancel(nil) }
}

// snapshotOf makes what readers see of a token.
func (g *Grant) snapshotOf(t Token, adopted bool) *snapshot {
	now := wall(wallClock())
	times := g.cfg.Refresh.schedule(t, now, adopted)
	s := &snapshot{
		Value: held{token: t}, Since: now, RenewAt: times.renewAt, FreshUntil: times.freshUntil, Expiry: times.expiry,
	}
	var err error
	s.Value.header, err = g.client.authorizing.header(t)
	s.Invalid = err != nil || t.AccessToken == ""
	return s
}

// defaultType makes a token comparable and complete that was not made here.
func defaultType(t Token) Token {
	if t.TokenType == "" {
		t.TokenType = schemeBearer
	}
	if !t.Expiry.IsZero() {
		t.Expiry = wall(t.Expiry)
	}
	return t
}
