package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// signIn is the flight of the engine that runs the flow for those who call, and
// may ask a person. It never refreshes: what somebody else has put into the
// store meanwhile is adopted, or handed back to renew.
func (g *grant) signIn(f *flight) (s *snapshot, err error) {
	ctx := g.flightContext(f)
	if f.Why == engine.Force {
		return g.fetch(ctx, f)
	}
	w := waiting{current: f.Current, slow: func() { g.report(ctx, Event{Kind: EventWaiting}) }}
	err = g.custody.locked(ctx, w, func(held context.Context, v view) (err error) {
		s, err = g.signInLocked(ctx, held, f, v)
		return err
	})
	if errors.Is(err, errOvertaken) {
		return nil, nil
	}
	return s, err
}

func (g *grant) signInLocked(ctx, held context.Context, f *flight, v view) (*snapshot, error) {
	current := g.engine.Current()
	switch {
	case g.serves(f, current, v.Token):
		return current, v.err
	case same(v.Token, Token{}):
	case g.adoptable(f, v.Token):
		return g.adopt(f, current, v.Token), v.err
	case !g.custody.hasAsked(v.RefreshToken): // somebody has signed in meanwhile
		return f.HandBack()
	}
	t, err := g.run(ctx) // a lost lease must not stop a person
	if err != nil {
		return nil, err
	}
	f.Obtained = true
	engine.Commit(ctx)
	return g.finish(held, f, t, pending{over: []Token{v.Token}}, g.flowOp())
}

// fetch runs the flow and locks the store only to save.
func (g *grant) fetch(ctx context.Context, f *flight) (*snapshot, error) {
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
	if !f.Claim(func(n uint64) { g.custody.put(pending{want: t, generation: n}) }) {
		return nil, nil
	}
	var s *snapshot
	err = g.take(ctx, t, f.Generation(), func(t Token, adopted bool) {
		if taken := g.snapshotOf(t, adopted); f.Publish(taken) {
			s = taken
		}
	})
	if s == nil { // what overtook it has been written instead
		return nil, nil
	}
	g.reportAfter(f, Event{Kind: EventObtained, Op: g.flowOp(), Token: t})
	return s, err
}

// take writes t, which was just put into custody by somebody's explicit call,
// over whatever is there, and calls publish once it is saved, or can't be saved
// now; with what has become of it, if that is in the store already. What
// overtook the call is written, and nothing published.
func (g *grant) take(
	ctx context.Context, t Token, generation uint64, publish func(t Token, adopted bool),
) error {
	once := sync.OnceFunc(func() { publish(t, false) })
	w := waiting{limit: g.cfg.Refresh.Timeout, blind: true}
	err := g.custody.locked(ctx, w, func(held context.Context, v view) error {
		switch {
		case v.err != nil:
		case t.precedes(v.Token):
			publish(v.Token, true)
			return nil
		case !same(v.Token, t) && !g.custody.hasWritten(generation): // what was tried came to nothing
			v = g.custody.replace(held, pending{want: t, generation: generation})
		}
		if !errors.Is(v.err, errOvertaken) {
			once()
		}
		return v.err
	})
	if err == nil || errors.Is(err, errOvertaken) {
		return nil
	}
	once()
	if !errors.Is(err, errNotSaved) {
		err = fmt.Errorf("%w: %w", errNotSaved, err)
	}
	return err
}

// set takes over a token from outside.
func (g *grant) set(ctx context.Context, t Token) error {
	t = defaultType(t)
	generation := g.engine.Claim(func(n uint64) { g.custody.put(pending{want: t, generation: n}) })
	g.custody.forget()
	publish := func(t Token, _ bool) { g.engine.Set(generation, g.snapshotOf(t, true)) }
	if g.engine.SigningIn() { // it holds the lock, and is not needed any more
		publish(t, true)
		g.engine.Interrupt()
	}
	err := g.take(ctx, t, generation, publish)
	g.report(ctx, Event{Kind: EventSet, Token: t})
	if err != nil {
		g.engine.Note(err)
	}
	return err
}
