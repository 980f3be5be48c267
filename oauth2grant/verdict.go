package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// verdict is what an error means for a grant.
type verdict int

const (
	later         verdict = iota // again after the back-off; a refresh token is good
	client                       // our own credentials are wrong, or being rotated
	dead                         // the refresh token was refused for good
	unclear                      // a refusal that does not say what it means
	refused                      // the flow was refused, or can't work
	loginRequired                // only a person can help
	harmless                     // the token is good all the same
)

// verdictOf returns what err means for a grant whose next token may take a
// person.
func verdictOf(err error, personal bool) verdict {
	e, answered := errors.AsType[*Error](err)
	switch {
	case errors.Is(err, errNotSaved), errors.Is(err, errNotSeen):
		return harmless
	case errors.Is(err, ErrLoginRequired):
		return loginRequired
	case !answered:
		return later
	case e.Op == OpRefresh:
		return refreshVerdict(e, personal)
	case e.transient():
		return later
	case e.kind() == kindUnclear && !e.coded():
		return unclear
	default:
		return refused
	}
}

// refreshVerdict returns what the failure of a refresh means. A firewall must
// not send anybody to sign in.
func refreshVerdict(e *Error, personal bool) verdict {
	switch k := e.kind(); {
	case k == kindClient:
		return client
	case k == kindDead:
		return dead
	case errors.Is(e, errors.ErrUnsupported), k == kindUnclear && (!personal || !e.page()):
		return unclear
	default:
		return later
	}
}

// longestPasswordPause is how long a refused password is not sent again at the
// most: a person has to mend it, and a server may lock the account.
const longestPasswordPause = time.Hour

// personal reports whether only a person can obtain a token when there is none
// to be refreshed.
func (g *grant) personal() bool { return g.flow.Interactive() || g.onlyRefreshes() }

// judge returns what an error means for those who ask next.
func (g *grant) judge(err error) engine.Verdict {
	var v engine.Verdict
	e, answered := errors.AsType[*Error](err)
	if answered {
		v.After = e.RetryAfter
	}
	switch verdictOf(err, g.personal()) {
	case harmless:
		v.Kind, v.Every = engine.Harmless, saveEvery
	case loginRequired:
		v.Kind = engine.NeedsLogin
		v.CallersOnly = !answered || refreshVerdict(e, true) != unclear // else the refresh token may still be good
	case client:
		v.Kind = engine.Seldom
	case unclear, dead:
		v.Kind = engine.Seldom
		if e.Op == OpRefresh {
			v.Kind = engine.WhileUsable
		}
	case refused:
		v.Kind = engine.Refused
		if e.Op == OpPassword {
			v.Longest = longestPasswordPause
		}
	case later:
	}
	if g.custody.waits() != nil {
		v.Every = saveEvery
	}
	return v
}

// withCause adds to ErrLoginRequired why the refresh token did not help.
func withCause(err, cause error) error {
	if cause != nil && errors.Is(err, ErrLoginRequired) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// credentialsChanged reports whether the client secret or the password would be
// another now than the one last sent.
func (g *grant) credentialsChanged(ctx context.Context) bool {
	return changed(ctx, g.client.auth, &g.sent.client) || changed(ctx, g.flow, &g.sent.user)
}

// failed tells of a failed attempt.
func (g *grant) failed(ctx context.Context, failure engine.Failure) {
	e := Event{
		Kind: EventFailed, Err: failure.Err, RetryIn: failure.RetryIn,
		Started: failure.Started, Duration: failure.Duration, Waiters: failure.Waiters, Dropped: failure.Dropped,
	}
	switch verdictOf(failure.Err, g.personal()) {
	case harmless:
		e.Kind = EventNotSaved
	case loginRequired:
		e.Kind = EventLoginRequired
	}
	if cause, ok := errors.AsType[*Error](failure.Err); ok {
		e.Op = cause.Op
	}
	g.tell(ctx, e)
}
