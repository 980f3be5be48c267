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
	s := g.snapshotOf(t, false)
	published := false
	err = g.take(ctx, sync.OnceFunc(func() { published = f.Publish(s) }))
	if !published { // what overtook it has been written instead
		return nil, nil
	}
	g.reportAfter(f, Event{Kind: EventObtained, Op: g.flowOp(), Token: t})
	return s, err
}

// take writes what was just put into custody by somebody's explicit call, and
// calls publish, once or twice: when it is saved, or else when it can't be
// saved now.
func (g *grant) take(ctx context.Context, publish func()) error {
	w := waiting{limit: g.cfg.Refresh.Timeout, blind: true}
	err := g.custody.locked(ctx, w, func(_ context.Context, v view) error {
		publish()
		return v.err
	})
	if err == nil {
		return nil
	}
	publish()
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
	publish := sync.OnceFunc(func() { g.engine.Set(generation, g.snapshotOf(t, true)) })
	if g.engine.SigningIn() { // it holds the lock, and is not needed any more
		publish()
		g.engine.Interrupt()
	}
	err := g.take(ctx, publish)
	g.report(ctx, Event{Kind: EventSet, Token: t})
	if err != nil {
		g.engine.Note(err)
	}
	return err
}
