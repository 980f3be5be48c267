package oauth2grant

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// answerTimeout is how much longer than its grant a request may live whose
// answer must not be lost.
const answerTimeout = 10 * time.Second

// refresh sends the refresh token of stored, with a mark in the store where the
// server may rotate it. Once it was sent, only time ends the request.
func (g *grant) refresh(held context.Context, f *flight, stored Token) (t Token, mark string, err error) {
	if _, err := g.client.tokenEndpoint(held, OpRefresh); err != nil {
		return Token{}, "", err // nothing was sent
	}
	if g.custody.durable && !stored.readMeta().Static {
		mark = rand.Text()
		if err := g.custody.mark(held, stored.marked(mark, wallNow())); err != nil {
			return Token{}, "", err
		}
	}
	var sent atomic.Bool
	look := func() error {
		if f.Context().Err() != nil {
			return context.Cause(f.Context()) //nolint:contextcheck // the flight's, not the request's
		}
		if err := lost(held, f.Context()); err != nil {
			return err
		}
		if !f.Current() {
			return errOvertaken
		}
		sent.Store(true)
		return nil
	}
	ctx, cancel := g.outlast(held, f, func() time.Duration {
		if mark != "" && sent.Load() {
			return answerTimeout
		}
		return 0
	})
	defer cancel()
	ctx, done := f.Attempt(withLastLook(ctx, look), g.cfg.Refresh.Timeout)
	defer done()
	f.Obtained = true
	t, err = g.send(ctx, stored)
	if err == nil {
		g.custody.spend(stored.RefreshToken, t.RefreshToken)
	}
	return t, mark, err
}

// send makes the refresh request, and makes it once more with the requested
// scopes if the server wants them.
func (g *grant) send(ctx context.Context, stored Token) (Token, error) {
	m := stored.readMeta()
	requested := strings.Join(g.client.scopes, " ")
	scope := g.cfg.Refresh.Scope.of(stored.Scope, requested)
	if m.Scoped {
		scope = requested
	}
	t, err := g.sendScoped(ctx, stored.RefreshToken, scope)
	if wantsScope(err) && requested != "" && scope != requested {
		t, err = g.sendScoped(ctx, stored.RefreshToken, requested)
		m.Scoped = err == nil
	}
	if err != nil {
		return Token{}, err
	}
	t = t.inherit(stored)
	m.Static = t.RefreshToken == stored.RefreshToken
	m.Session, m.Turn = stored.session(), m.Turn+1
	now := wallNow()
	m.EndSaid, m.Obtained = t.endSaidAfter(stored, now), now.UnixMilli()
	m.Mark, m.Marked = "", 0
	return t.withMeta(m), nil // bound to the key that it was obtained with, which m has
}

func (g *grant) sendScoped(ctx context.Context, refreshToken, scope string) (Token, error) {
	params := url.Values{}
	if scope != "" {
		params.Set("scope", scope)
	}
	return g.client.Refresh(ctx, refreshToken, params)
}

// wantsScope reports whether a refresh was refused for its scope.
func wantsScope(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	about := strings.Contains(strings.ToLower(e.Description), "scope")
	return e.Code == InvalidScope || e.Code == InvalidRequest && about
}

// outlast returns a context with the values of held that ends that much later
// than the flight, and does not end with the lock. Without a Store there is
// nothing to lose, and it returns held.
func (g *grant) outlast(
	held context.Context, f *flight, by func() time.Duration,
) (longer context.Context, cancel context.CancelFunc) {
	if !g.custody.durable {
		return held, func() {}
	}
	life := f.Context()
	longer, end := context.WithCancelCause(context.WithoutCancel(held))
	var mu sync.Mutex
	var timer *time.Timer
	over := false
	stop := context.AfterFunc(life, func() {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			timer = time.AfterFunc(by(), func() { end(context.Cause(life)) })
		}
	})
	return longer, func() {
		stop()
		mu.Lock()
		defer mu.Unlock()
		if over = true; timer != nil {
			timer.Stop()
		}
		end(nil)
	}
}

// pause waits for so long, until there are news, another write waits, or ctx
// ends.
func pause(ctx, news context.Context, d time.Duration, changed <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-news.Done():
	case <-changed:
	case <-ctx.Done():
	}
}

// mark notes in the store that the refresh token of t is being sent. Nothing
// must be sent if that fails.
func (c *custody) mark(held context.Context, t Token) error {
	ctx, cancel := context.WithTimeout(held, saveTimeout)
	defer cancel()
	if err := c.store.Save(ctx, t); err != nil {
		return fmt.Errorf("%w: %w", errNotSent, err)
	}
	return nil
}
