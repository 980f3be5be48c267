package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Revoke revokes the refresh token and the access token at the server (RFC
// 7009), and deletes them from the [Store] and from memory even if the server
// failed. It waits for a running renewal first, on ctx; a Delete that has begun
// is not broken off, and may take 5 s longer. Nothing is fetched until the next
// call, and as long as this process lives nothing brings the session back: if
// the Store can't be written now, the token is deleted as soon as that is
// possible, but never a token that somebody has put there since.
//
// The error joins those of the server and of the Store;
// [errors.ErrUnsupported] is among them where the server has no revocation
// endpoint.
func (g *Grant) Revoke(ctx context.Context) error {
	switch {
	case g.grant == nil:
		return errZeroGrant
	case ctx == nil:
		return errNilContext
	}
	ctx, done, err := g.engine.Guard(ctx)
	if err != nil {
		return err
	}
	defer done()
	g.engine.Interrupt() // a sign-in holds the lock
	var signedOut error
	limit := waiting{limit: g.cfg.Refresh.Timeout, blind: true}
	err = g.custody.locked(ctx, limit, func(held context.Context, v view) error {
		signedOut = errors.Join(v.err, g.signOut(held, v.Token, true))
		return nil
	})
	switch {
	case err == nil:
		return signedOut
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return fmt.Errorf("oauth2grant: Revoke: %w: %w", ctx.Err(), err)
	case ctx.Err() != nil:
		return fmt.Errorf("oauth2grant: Revoke: %w", err)
	default:
		return errors.Join(err, g.signOut(ctx, Token{}, false))
	}
}

// signOut revokes and forgets the stored token and every other that is known,
// and deletes what the store holds: at once under the lock, else later.
func (g *grant) signOut(ctx context.Context, stored Token, locked bool) error {
	tokens := []Token{}
	var held Token
	if s := g.engine.Current(); s != nil {
		held = s.Value.token
	}
	for _, t := range append([]Token{stored}, g.custody.lastKnown(held)...) {
		known := slices.ContainsFunc(tokens, func(k Token) bool { return same(k, t) })
		if !known && !same(t, Token{}) {
			tokens = append(tokens, t)
		}
	}
	g.engine.Drop(func(n uint64) { g.custody.put(pending{over: tokens, whole: true, generation: n}) })
	problems := []error{g.revokeAll(ctx, tokens)}
	if locked {
		if err := g.custody.flushPending(context.WithoutCancel(ctx)); err != nil {
			problems = append(problems, fmt.Errorf("%w: delete: %w", errStore, err))
		}
	}
	if g.custody.waits() != nil {
		g.engine.Note(errNotSaved)
	}
	g.report(ctx, Event{Kind: EventDropped})
	return errors.Join(problems...)
}

// revokeAll revokes what the tokens hold: refresh tokens first, since with them
// go most servers' access tokens.
func (g *grant) revokeAll(ctx context.Context, tokens []Token) error {
	ctx, cancel := context.WithTimeout(ctx, g.cfg.Refresh.Timeout)
	defer cancel()
	var problems []error
	revoke := func(token, hint string) {
		if token == "" {
			return
		}
		err := g.client.Revoke(ctx, token, hint)
		if errors.Is(err, errors.ErrUnsupported) && errors.Is(errors.Join(problems...), errors.ErrUnsupported) {
			return // once will do
		}
		problems = append(problems, err)
	}
	for _, t := range tokens {
		revoke(t.RefreshToken, "refresh_token")
	}
	for _, t := range tokens {
		revoke(t.AccessToken, "access_token")
	}
	return errors.Join(problems...)
}
