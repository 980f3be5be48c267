package oauth2grant

import (
	"context"
	"errors"
	"fmt"
)

// Revoke revokes the refresh token and the access token at the server (RFC 7009), and deletes them from the Store and from memory even if the server failed. It
// waits for a running renewal first, on ctx. It gives the joined errors; errors.ErrUnsupported is among them where the server has no revocation endpoint.
// Nothing is fetched until the next call.
func (g *Grant) Revoke(ctx context.Context) error {
	if ctx == nil {
		return errNilContext
	}
	ctx, done, err := g.engine.Guard(ctx)
	if err != nil {
		return err
	}
	defer done()
	g.engine.Interrupt() // a sign-in holds the lock
	held, stored, unlock, err := g.lockToSave(ctx)
	defer unlock()
	if held == nil {
		if ctx.Err() != nil {
			return fmt.Errorf("oauth2grant: Revoke: %w", err)
		}
		held = ctx
	}
	tokens := []Token{stored}
	if s := g.engine.Current(); s != nil && !same(s.Value.token, stored) {
		tokens = append(tokens, s.Value.token)
	}
	if u := g.keep.waits(); u != nil && !same(u.token, stored) {
		tokens = append(tokens, u.token)
	}
	problems := []error{err, g.revokeAll(held, tokens)}
	g.keep.refuse(stored.AccessToken) // should Delete fail
	g.keep.bury(stored.RefreshToken)
	deleting, cancel := context.WithTimeout(context.WithoutCancel(held), saveTimeout)
	defer cancel()
	if err := g.store.Delete(deleting); err != nil {
		problems = append(problems, fmt.Errorf("%w: delete: %w", errStore, err))
	}
	g.keep.meet()
	g.keep.wait(nil)
	g.engine.Set(nil)
	return errors.Join(problems...)
}

// revokeAll revokes what the tokens hold: refresh tokens first, since with them go most servers' access tokens.
func (g *Grant) revokeAll(ctx context.Context, tokens []Token) error {
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
