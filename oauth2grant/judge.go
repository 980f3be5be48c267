package oauth2grant

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// judge says what an error means for those who ask next.
func judge(err error) engine.Verdict {
	e, answered := errors.AsType[*Error](err)
	var v engine.Verdict
	if answered {
		v.After = e.RetryAfter
	}
	switch {
	case errors.Is(err, errNotSaved), errors.Is(err, errNotSeen):
		return engine.Verdict{Harmless: true}
	case errors.Is(err, ErrLoginRequired):
		v.NeedsLogin = true
		v.CallersOnly = !answered || e.severity() == refusal // else the refresh token may still be good
	case !answered || e.Op == opRefresh || e.severity() == transient: // also a refused client: its secret may be on its way
	case e.severity() == refusal:
		v.Seldom, v.CallersOnly = true, true
	default:
		v.Seldom = true
	}
	return v
}

// credentialsChanged tells whether the client secret or the password would be another now than the one last sent.
func (g *Grant) credentialsChanged(ctx context.Context) bool {
	return changed(ctx, g.client.auth, &g.sent.client) || changed(ctx, g.flow, &g.sent.user)
}

// failed reports a failed attempt.
func (g *Grant) failed(ctx context.Context, err error, retryIn time.Duration) {
	g.log.LogAttrs(ctx, slog.LevelWarn, "no new token", slog.Any("error", err), slog.Duration("retry_in", retryIn))
	if g.cfg.Hooks.OnError != nil {
		g.cfg.Hooks.OnError(ctx, err, retryIn)
	}
}

// published reports a new token.
func (g *Grant) published(ctx context.Context, t Token, how string) {
	g.log.LogAttrs(ctx, slog.LevelInfo, "token "+how, slog.Any("token", t))
	if g.cfg.Hooks.OnToken != nil {
		g.cfg.Hooks.OnToken(ctx, t)
	}
}
