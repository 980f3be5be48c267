package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// This file is the one decision: the stored token, the refresh token, or the flow; then save, then publish.
//
//	lock ──▶ load ──▶ adopt ─────────────────────────▶ publish ──▶ unlock ──▶ hooks
//	                   └─▶ refresh ──▶ save ───────────▲
//	                         └─▶ run the flow ──▶ save ┘

// renew is the flight of the engine that never asks a person.
func (g *Grant) renew(f *flight) (*snapshot, error) {
	ctx := withWitness(f.Context(), &g.sent)
	for {
		news := f.News()
		if s, done, err := g.glance(ctx, f); done {
			return s, err
		}
		held, unlock, err := g.lockUnless(ctx, func(give func(error)) func() bool { return g.impatience(news, give) })
		if errors.Is(err, errChanged) {
			continue // who held the lock may have done it
		}
		if err != nil {
			return nil, err
		}
		defer unlock()
		return g.renewLocked(held, f)
	}
}

// impatience gives a reason not to wait for the lock any longer: the store has changed or, where a usable token is held, it takes long.
func (g *Grant) impatience(news context.Context, give func(error)) (stop func() bool) {
	stopChange := context.AfterFunc(news, func() { give(errChanged) })
	if !g.Status().Usable {
		return stopChange
	}
	alarm := time.AfterFunc(g.cfg.Refresh.Timeout, func() { give(errLocked) })
	return func() bool { inTime := alarm.Stop(); return stopChange() && inTime }
}

// glance looks at the store without a lock: what somebody else has renewed is adopted, and a sign-out is noticed.
func (g *Grant) glance(ctx context.Context, f *flight) (s *snapshot, done bool, err error) {
	only := f.Why == engine.Look
	if g.cfg.Store == nil {
		return nil, only, nil
	}
	stored, found, err := g.load(ctx)
	waiting := g.keep.waits()
	switch {
	case err != nil:
		return nil, only, fmt.Errorf("%w: %w", errNotSeen, err) // under the lock it counts
	case waiting != nil && same(stored, waiting.base):
		return nil, only, nil
	case found && g.adoptable(f, stored):
		return g.adopt(f, stored), true, nil
	case !found && only && g.keep.isKnown():
		f.Drop()
	}
	return nil, only, nil
}

// adoptable tells whether the stored token is to be used as it is: another than the one held, not refused, and not due itself.
func (g *Grant) adoptable(f *flight, stored Token) bool {
	current := g.engine.Current()
	if current == nil && f.Why == engine.Force {
		return false // a renewal was asked for, and this is the first look at the store
	}
	if current != nil && current.Value.token.AccessToken == stored.AccessToken {
		return false
	}
	_, err := g.client.authorizing.header(stored)
	return err == nil && !g.keep.wasRefused(stored) && !g.cfg.Refresh.due(stored, wall(wallClock()))
}

func (g *Grant) adopt(f *flight, t Token) *snapshot {
	s := g.snapshotOf(t, true)
	if !f.Publish(s) {
		return nil
	}
	f.Tell(func(ctx context.Context) { g.published(ctx, t, "adopted") })
	return s
}

func (g *Grant) renewLocked(held context.Context, f *flight) (*snapshot, error) {
	base, found, err := g.load(held)
	if err != nil {
		return nil, err
	}
	stored, saveErr := g.settle(held, base)
	if !found && stored == (Token{}) {
		if g.keep.isKnown() || g.cfg.Token == (Token{}) {
			return g.renewEmpty(held, f)
		}
		stored = defaultType(g.cfg.Token) // the seed
		if saveErr = g.save(held, stored); saveErr != nil {
			g.keep.wait(&unsaved{token: stored})
		}
	}
	if saveErr == nil {
		base = stored
	}
	switch current := g.engine.Current(); {
	case g.adoptable(f, stored):
		return g.adopt(f, stored), saveErr
	case f.Why == engine.Due && current != nil && !current.Invalid && current.Value.token == stored && wall(wallClock()).Before(current.RenewAt):
		return current, saveErr // only a save was due
	}
	return g.obtain(held, f, base, stored)
}

// renewEmpty renews where the store holds nothing: there never was a token, or somebody signed out. A remembered refresh token is not used.
func (g *Grant) renewEmpty(held context.Context, f *flight) (*snapshot, error) {
	if g.keep.isKnown() && g.engine.Current() != nil && !f.Drop() {
		return nil, nil
	}
	g.keep.ask("")
	return g.runFlow(held, f, Token{}, nil)
}

// lookAgain bounds how often a refresh is tried with what others have put into the store meanwhile.
const lookAgain = 3

// obtain refreshes the stored token, or runs the flow where that can't be done. base is what the store holds: the same, unless that waits to be saved.
func (g *Grant) obtain(held context.Context, f *flight, base, stored Token) (*snapshot, error) {
	var refusedBy error
	for range lookAgain {
		if g.keep.isDead(stored.RefreshToken) {
			break
		}
		t, err := g.refresh(held, f, stored)
		if err == nil {
			return g.finish(held, f, base, t)
		}
		if !g.needsFlow(err) {
			return nil, err
		}
		refusedBy = err
		if !errors.Is(err, InvalidGrant) {
			break // unclear: the refresh token is kept
		}
		again, found, err := g.secondLook(held, stored)
		switch {
		case err != nil:
			return nil, err
		case !found:
			return g.renewEmpty(held, f)
		case again.RefreshToken == stored.RefreshToken:
			g.keep.bury(stored.RefreshToken)
		case g.adoptable(f, again):
			return g.adopt(f, again), nil
		default:
			base = again
		}
		stored = again
	}
	g.keep.ask(stored.RefreshToken)
	return g.runFlow(held, f, base, refusedBy)
}

// needsFlow tells whether a failed refresh leads to the flow: when the refresh token was refused, or when a 4xx said nothing and there is no usable token left.
func (g *Grant) needsFlow(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Op != opRefresh {
		return false
	}
	switch e.severity() {
	case refusal:
		return e.Code == InvalidGrant
	case unclear:
		return !g.Status().Usable
	default:
		return false
	}
}

// secondLook reads the store before an invalid_grant is believed: somebody may have rotated the refresh token in between.
func (g *Grant) secondLook(held context.Context, refused Token) (Token, bool, error) {
	if u := g.keep.waits(); u != nil && u.token.RefreshToken == refused.RefreshToken {
		return refused, true, nil // the store does not have it yet
	}
	ctx, cancel := g.linger(held)
	defer cancel()
	return g.load(ctx)
}

// refresh sends the refresh token of t. Once sent, the request is not given up lightly.
func (g *Grant) refresh(held context.Context, f *flight, t Token) (Token, error) {
	if _, err := g.client.tokenEndpoint(held, opRefresh); err != nil {
		return Token{}, err // nothing was sent
	}
	if err := held.Err(); err != nil {
		return Token{}, context.Cause(held)
	}
	longer, cancel := g.linger(held)
	defer cancel()
	ctx, done := f.Attempt(longer, g.cfg.Refresh.Timeout)
	defer done()
	params := url.Values{}
	if t.Scope != "" {
		params.Set("scope", t.Scope)
	}
	f.Obtained = true
	return g.client.Refresh(ctx, t.RefreshToken, params)
}

// runFlow runs a flow that needs nobody; one that does is left to those who call.
func (g *Grant) runFlow(held context.Context, f *flight, stored Token, cause error) (*snapshot, error) {
	if g.flow.Interactive() {
		return nil, loginRequired(ErrLoginRequired, cause)
	}
	ctx, done := f.Attempt(held, g.cfg.Refresh.Timeout)
	defer done()
	t, err := g.run(ctx)
	if err != nil {
		return nil, loginRequired(err, cause)
	}
	f.Obtained = true
	return g.finish(held, f, stored, t)
}

// loginRequired adds to ErrLoginRequired why the refresh token did not help.
func loginRequired(err, cause error) error {
	if cause != nil && errors.Is(err, ErrLoginRequired) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// run runs the flow and sees to it that it gave a token.
func (g *Grant) run(ctx context.Context) (Token, error) {
	t, err := g.flow.Run(ctx, g.client)
	if err != nil {
		return Token{}, err
	}
	if t.AccessToken == "" {
		return Token{}, errors.New("oauth2grant: the flow gave neither a token nor an error")
	}
	if _, err := g.client.authorizing.header(t); err != nil {
		return Token{}, refuse("flow", "%w", err)
	}
	return defaultType(t), nil
}

// finish saves a token made from what the store held, then publishes it; if it can't be saved it is used all the same, since the old one is dead.
func (g *Grant) finish(held context.Context, f *flight, base, t Token) (*snapshot, error) {
	if !f.Current() {
		return nil, nil
	}
	saveErr := g.save(held, t)
	if saveErr != nil {
		g.keep.wait(&unsaved{token: t, base: base})
	} else {
		g.keep.wait(nil)
	}
	s := g.snapshotOf(t, false)
	if !f.Publish(s) {
		return nil, nil
	}
	f.Tell(func(ctx context.Context) { g.published(ctx, t, "obtained") })
	return s, saveErr
}
