package oauth2grant

import (
	"context"
	"errors"
	"fmt"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// signIn is the flight of the engine that runs the flow for those who call, and may ask a person.
func (g *Grant) signIn(f *flight) (*snapshot, error) {
	ctx := withWitness(f.Context(), &g.sent)
	if f.Why == engine.Force {
		return g.fetch(ctx, f)
	}
	held, unlock, err := g.lock(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer unlock()
	stored, found, err := g.load(held)
	if err != nil {
		return nil, err
	}
	if found && (g.adoptable(f, stored) || !g.keep.hasAsked(stored.RefreshToken)) { // somebody has signed in meanwhile
		if s, err := g.renewLocked(held, f); !errors.Is(err, ErrLoginRequired) {
			return s, err
		}
	}
	t, err := g.run(ctx) // a lost lease must not stop a person
	if err != nil {
		return nil, err
	}
	f.Obtained = true
	engine.Commit(ctx)
	return g.finish(held, f, stored, t)
}

// fetch runs the flow and locks the store only to save.
func (g *Grant) fetch(ctx context.Context, f *flight) (*snapshot, error) {
	run := ctx
	if !g.flow.Interactive() {
		attempt, done := f.Attempt(ctx, g.cfg.Refresh.Timeout)
		defer done()
		run = attempt
	}
	t, err := g.run(run)
	if err != nil {
		return nil, err
	}
	f.Obtained = true
	engine.Commit(ctx)
	held, base, unlock, err := g.lockToSave(ctx)
	defer unlock()
	if held == nil {
		return g.finishUnlocked(f, base, t, err)
	}
	return g.finish(held, f, base, t)
}

// lockToSave takes the lock to replace what the store holds, which it gives too. It does not wait for long: a token that can't be saved now is saved later.
// held is nil where there is no lock; with a lock, an error says that the store can't be read, which the save that follows may heal.
func (g *Grant) lockToSave(ctx context.Context) (held context.Context, base Token, unlock func(), err error) {
	held, unlock, err = g.lock(ctx, g.cfg.Refresh.Timeout)
	if err != nil {
		return nil, g.lastKnown(), func() {}, err
	}
	if base, _, err = g.load(held); err != nil {
		base = g.lastKnown()
	}
	return held, base, unlock, err
}

// lastKnown gives what the store held when it was last seen.
func (g *Grant) lastKnown() Token {
	if u := g.keep.waits(); u != nil {
		return u.base
	}
	if s := g.engine.Current(); s != nil {
		return s.Value.token
	}
	return Token{}
}

func (g *Grant) finishUnlocked(f *flight, base, t Token, lockErr error) (*snapshot, error) {
	if !f.Current() {
		return nil, nil
	}
	g.keep.wait(&unsaved{token: t, base: base})
	s := g.snapshotOf(t, false)
	if !f.Publish(s) {
		return nil, nil
	}
	f.Tell(func(ctx context.Context) { g.published(ctx, t, "obtained") })
	return s, fmt.Errorf("%w: %w", errNotSaved, lockErr)
}

// set takes over a token from outside.
func (g *Grant) set(ctx context.Context, t Token) error {
	t = defaultType(t)
	if g.engine.SigningIn() { // it holds the lock, and is not needed any more
		g.engine.Set(g.snapshotOf(t, false))
		g.engine.Interrupt()
	}
	held, base, unlock, err := g.lockToSave(ctx)
	defer unlock()
	if held == nil {
		if ctx.Err() != nil {
			return fmt.Errorf("oauth2grant: SetToken: %w", err)
		}
		err = fmt.Errorf("%w: %w", errNotSaved, err)
	} else {
		err = g.save(held, t)
	}
	if err != nil {
		g.keep.wait(&unsaved{token: t, base: base})
	} else {
		g.keep.wait(nil)
	}
	g.keep.bury("")
	g.engine.Set(g.snapshotOf(t, false))
	g.engine.Tell(ctx, func(ctx context.Context) { g.published(ctx, t, "set") })
	if err != nil {
		g.engine.Note(err)
	}
	return err
}
