package oauth2grant

import (
	"context"
	"errors"
	"time"
)

// finish saves a token, then publishes it. If it can't be saved it is used all
// the same, since the old one is dead, and saving goes on.
func (g *grant) finish(held context.Context, f *flight, t Token, p pending, op string) (*snapshot, error) {
	p.want, p.generation = t, f.Generation()
	ctx, cancel := g.outlast(held, f, func() time.Duration { return saveTimeout })
	defer cancel()
	if !f.Current() || !g.custody.put(p) {
		return nil, g.reconcile(ctx, held, f, t, p.mark)
	}
	err := g.custody.flushPending(ctx)
	if errors.Is(err, ErrLockLost) && !g.custody.wins(ctx) {
		return nil, err // somebody else has saved a newer one
	}
	s := g.snapshotOf(t, false)
	if !f.Publish(s) {
		return nil, g.reconcile(ctx, held, f, t, "") // the mark is answered
	}
	g.reportAfter(f, Event{Kind: EventObtained, Op: op, Token: t})
	if err == nil || p.mark == "" {
		return s, err
	}
	f.Deliver(s, err)
	return s, g.keepSaving(ctx, held)
}

// reconcile writes what was asked for while a token was being obtained that
// nobody wants any more. With a mark it does not give up before the lock is
// lost: the refresh token in the store has been answered.
func (g *grant) reconcile(ctx, held context.Context, f *flight, unwanted Token, mark string) error {
	if g.custody.holdsNone() {
		_ = g.revokeAll(ctx, []Token{unwanted})
	}
	for lost(held, f.Context()) == nil {
		v := g.custody.flush(ctx, g.custody.look(ctx))
		if v.err == nil || mark == "" || errors.Is(v.err, ErrLockLost) || ctx.Err() != nil {
			break
		}
		pause(ctx, g.engine.News(), saveEvery, g.custody.changed)
	}
	return errOvertaken // if it was not written, who asked for it tries again
}

// keepSaving goes on writing the answer to a mark, under the lock, at a fixed
// interval and at once on news, until it is written or somebody else's has
// taken its place. ctx bounds it. If the lock is lost, or another write has
// been asked for, the background and who asked for it go on.
func (g *grant) keepSaving(ctx, held context.Context) error {
	for {
		pause(ctx, g.engine.News(), saveEvery, g.custody.changed)
		err := g.custody.flushPending(ctx)
		answers, unlocked := g.custody.answering()
		switch {
		case err == nil, errors.Is(err, ErrLockLost) && !g.custody.wins(ctx):
			return err
		case ctx.Err() != nil, !answers, held.Err() != nil && !unlocked:
			return err
		}
	}
}
