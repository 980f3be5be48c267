package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// This file is the one decision: the stored token, the refresh token, or the
// flow.
//
//	lock ──▶ load ──▶ adopt ────────────────────────────────▶ publish ──▶ unlock ──▶ events
//	                   └─▶ mark ──▶ refresh ──▶ save ─────────▲
//	                                  └─▶ run the flow ──▶ save ┘

// lookAgain bounds how often a renewal begins anew because others have changed
// the store meanwhile.
const lookAgain = 3

// renew is the flight of the engine that never asks a person.
func (g *grant) renew(f *flight) (*snapshot, error) {
	ctx := g.flightContext(f)
	for tries := 1; ; {
		var news context.Context
		if g.custody.durable { // else nobody but this grant changes it
			news = g.engine.News()
		}
		s, done, err := g.glance(ctx, f)
		if done {
			return s, err
		}
		err = g.custody.locked(ctx, g.patience(ctx, news, f), func(held context.Context, v view) error {
			var err error
			s, err = g.renewLocked(held, f, v)
			return err
		})
		switch {
		case errors.Is(err, errChanged): // who held the lock may have done it
		case errors.Is(err, errOvertaken):
			return nil, nil
		case errors.Is(err, ErrLockLost) && tries < lookAgain: // what was sent was refused, if anything
			tries++
		case err != nil && f.Why == engine.Look:
			return s, notSeen(err)
		default:
			return s, err
		}
	}
}

// flightContext returns the context of a flight for what the Client does in it.
func (g *grant) flightContext(f *flight) context.Context {
	ctx := withWitness(f.Context(), &g.sent)
	if f.Why == engine.Force {
		ctx = askingAnew(ctx)
	}
	return ctx
}

// patience says how a renewal waits for the lock: not for long where there is a
// usable token, and only until the store changes.
func (g *grant) patience(ctx, news context.Context, f *flight) waiting {
	w := waiting{news: news, current: f.Current}
	switch {
	case f.Why == engine.Look || usable(g.engine.Current()):
		w.limit = g.cfg.Refresh.Timeout
	case g.personal():
		w.slow = func() { g.report(ctx, Event{Kind: EventWaiting}) }
	}
	return w
}

func (g *grant) onlyRefreshes() bool { _, ok := g.flow.(RefreshOnly); return ok }

// glance looks at the store without a lock: what somebody else has renewed is
// adopted, and a sign-out is noticed.
func (g *grant) glance(ctx context.Context, f *flight) (s *snapshot, done bool, err error) {
	only := f.Why == engine.Look
	if !g.custody.durable {
		return nil, only, nil
	}
	current := g.engine.Current()
	before, quiet := g.custody.quiet()
	stored, found, err := g.custody.load(ctx)
	after, _ := g.custody.quiet()
	switch {
	case err != nil:
		return nil, only, notSeen(err) // under the lock it counts
	case !quiet, before != after, found && g.custody.isOld(stored):
		return nil, false, nil // to be mended under the lock
	case found && g.adoptable(f, stored):
		s = g.adopt(f, current, stored)
		return s, s != nil, nil
	case !found && only && g.custody.isKnown():
		g.drop(f, current)
	case !only && g.onlyRefreshes() && g.custody.isDead(stored.RefreshToken) &&
		(g.custody.isKnown() || g.cfg.Token == Token{}):
		if !found {
			g.drop(f, current)
		}
		return nil, true, ErrLoginRequired // whoever signs in elsewhere holds the lock
	}
	return nil, only, nil
}

// notSeen returns the error of a mere look at the store: it takes nothing from
// the token held, and wants no other.
func notSeen(err error) error {
	if errors.Is(err, errNotSaved) {
		return err
	}
	return fmt.Errorf("%w: %w", errNotSeen, err)
}

// adoptable reports whether the stored token is to be used as it is: another
// than the one held, not refused, not spent, and not due itself.
func (g *grant) adoptable(f *flight, stored Token) bool {
	current := g.engine.Current()
	if current == nil && f.Why == engine.Force {
		return false // a renewal was asked for, and this is the first look at the store
	}
	if current != nil && same(current.Value.token, stored) {
		return false
	}
	_, err := g.client.authorizing.header(stored)
	_, missing := stored.proverFor(g.client.proof)
	return err == nil && missing == nil && !g.custody.wasRefused(stored) && !g.custody.isOld(stored) &&
		!g.cfg.Refresh.due(stored, wallNow())
}

// adopt publishes t as long as the value is current.
func (g *grant) adopt(f *flight, current *snapshot, t Token) *snapshot {
	s := g.snapshotOf(t, true)
	if !f.PublishOver(current, s) {
		return nil
	}
	g.custody.adopt(t, f.Generation())
	g.reportAfter(f, Event{Kind: EventAdopted, Token: t})
	return s
}

// drop publishes that there is no token any more, as long as the value is
// current.
func (g *grant) drop(f *flight, current *snapshot) {
	if current != nil && f.PublishOver(current, nil) {
		g.custody.adopt(Token{}, f.Generation())
		g.reportAfter(f, Event{Kind: EventDropped})
	}
}

// serves reports whether the token held is the stored one and need not be
// renewed, so that only a write was due.
func (g *grant) serves(f *flight, current *snapshot, stored Token) bool {
	if current == nil || current.Invalid || f.Why == engine.Force || !same(current.Value.token, stored) {
		return false
	}
	if until := current.FreshUntil; f.Why == engine.Need {
		return until.IsZero() || wallNow().Before(until)
	}
	return current.RenewAt.IsZero() || wallNow().Before(current.RenewAt)
}

func (g *grant) renewLocked(held context.Context, f *flight, v view) (*snapshot, error) {
	if same(v.Token, Token{}) && !g.custody.isKnown() && g.cfg.Token != (Token{}) {
		v = g.custody.replace(held, pending{
			want: defaultType(g.cfg.Token), over: []Token{{}}, generation: f.Generation(),
		})
	}
	current := g.engine.Current()
	switch {
	case errors.Is(v.err, errOvertaken):
		return nil, v.err
	case same(v.Token, Token{}):
		if g.custody.isKnown() {
			g.drop(f, current)
		}
		if f.Why == engine.Look {
			return nil, v.err
		}
		g.custody.ask("")
		return g.runFlow(held, f, Token{}, nil)
	case g.adoptable(f, v.Token):
		return g.adopt(f, current, v.Token), v.err
	case f.Why == engine.Look, g.serves(f, current, v.Token):
		return current, v.err
	}
	return g.obtain(held, f, v.Token)
}

// obtain refreshes the stored token, or runs the flow where that can't be done.
func (g *grant) obtain(held context.Context, f *flight, stored Token) (*snapshot, error) {
	var refusedBy error
	for range lookAgain {
		prover, missing := stored.proverFor(g.client.proof)
		if missing != nil {
			refusedBy = missing
			break
		}
		if g.client.own.NoRefresh || g.custody.isDead(stored.RefreshToken) {
			break
		}
		t, mark, err := g.refresh(g.client.withProver(held, prover), f, stored)
		if err == nil {
			return g.finish(held, f, t, pending{over: []Token{stored}, mark: mark}, OpRefresh)
		}
		kind := verdictOf(err, g.personal())
		if kind != dead && (kind != unclear || usable(g.engine.Current())) {
			return nil, err
		}
		refusedBy = err
		if kind == unclear {
			break // the refresh token is kept
		}
		again, found, err := g.secondLook(held, f, stored)
		switch {
		case err != nil:
			return nil, err
		case !found:
			g.drop(f, g.engine.Current())
			g.custody.ask("")
			return g.runFlow(held, f, Token{}, nil)
		case again.RefreshToken == stored.RefreshToken:
			g.custody.bury(stored.RefreshToken)
		case g.adoptable(f, again):
			return g.adopt(f, g.engine.Current(), again), nil
		}
		stored = again
	}
	g.custody.ask(stored.RefreshToken)
	return g.runFlow(held, f, stored, refusedBy)
}

// secondLook reads the store before the refusal of a refresh token is believed:
// somebody may have rotated it in between.
func (g *grant) secondLook(held context.Context, f *flight, refused Token) (Token, bool, error) {
	if err := lost(held, f.Context()); err != nil {
		return Token{}, false, err
	}
	if p := g.custody.waits(); p != nil && p.want.RefreshToken == refused.RefreshToken {
		return refused, true, nil // the store does not have it yet
	}
	return g.custody.load(held)
}

// runFlow runs a flow that needs nobody; one that does is left to those who
// call.
func (g *grant) runFlow(held context.Context, f *flight, stored Token, cause error) (*snapshot, error) {
	if err := lost(held, f.Context()); err != nil {
		return nil, err
	}
	if g.flow.Interactive() {
		return nil, withCause(ErrLoginRequired, cause)
	}
	ctx, done := f.Attempt(held, g.cfg.Refresh.Timeout)
	defer done()
	t, err := g.run(ctx)
	if err != nil {
		return nil, withCause(err, cause)
	}
	f.Obtained = true
	return g.finish(held, f, t, pending{over: []Token{stored}}, g.flowOp())
}

// flowOp returns what the grant's flow asks for, as far as that is known.
func (g *grant) flowOp() string {
	if named, ok := g.flow.(interface{ op() string }); ok {
		return named.op()
	}
	return ""
}

// snapshotOf returns what readers see of a token.
func (g *grant) snapshotOf(t Token, adopted bool) *snapshot {
	now := clockNow()
	times := g.cfg.Refresh.schedule(t, wall(now), adopted)
	header, err := g.client.authorizing.header(t)
	proof, missing := t.proverFor(g.client.proof)
	if !g.personal() {
		times.keepAt = time.Time{}
	}
	return &snapshot{
		Value: held{token: t, header: header, adopted: adopted, proof: proof},
		Since: now, RenewAt: times.renewAt, KeepAt: times.keepAt, FreshUntil: times.freshUntil, Expiry: times.expiry,
		Invalid: err != nil || missing != nil || t.AccessToken == "",
	}
}

// run runs the flow and makes sure that it returned a token.
func (g *grant) run(ctx context.Context) (Token, error) {
	t, err := g.flow.Run(ctx, g.client)
	if e, ok := errors.AsType[*Error](err); ok && e == nil {
		return Token{}, errors.New("oauth2grant: the flow returned a nil *Error as its error")
	}
	if err != nil {
		return Token{}, err
	}
	if t.AccessToken == "" {
		return Token{}, errors.New("oauth2grant: the flow returned neither a token nor an error")
	}
	t = defaultType(t)
	if _, err := g.client.authorizing.header(t); err != nil {
		return Token{}, refuse("flow", "%w", err)
	}
	if t.obtained().IsZero() {
		t = t.issued(wallNow())
	}
	return t.boundTo(g.client.proof), nil
}
