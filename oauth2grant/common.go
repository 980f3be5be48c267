package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// Grant keeps one token fresh and puts it on requests. All methods are safe for concurrent use. Those that wait do so on the ctx of their caller, and when it
// ends they leave with an error that wraps its cause and the last failure; what they waited for goes on. After Close, or the end of New's ctx, every method
// gives ErrClosed.
type Grant struct {
	cfg    Config
	flow   Flow
	client *Client
	owned  bool // client is this grant's alone
	store  Store
	log    *slog.Logger
	engine *engine.Engine[held]
	sent   witness
	keep   keeper
	stop   func() // of the Notifier

	origins []string // where the token may go; empty: anywhere
}

// held is what a snapshot carries: the token, and what goes into the Authorization header.
type held struct {
	token  Token
	header string
}

type (
	snapshot = engine.Snapshot[held]
	flight   = engine.Flight[held]
)

// wallClock is where the time comes from; a test lets it jump.
var wallClock = time.Now

// New starts a grant that obtains tokens by running flow. ctx bounds the life of the grant, not this call. New does no network I/O; it fails on an unusable
// Config, naming every problem at once, and then leaves nothing running.
func New(ctx context.Context, flow Flow, cfg Config) (*Grant, error) {
	problems := cfg.problems(flow)
	if ctx == nil {
		problems = append(problems, errNilContext)
	}
	if err := unusable(problems); err != nil {
		return nil, err
	}
	g := newGrant(flow, cfg)
	g.engine = engine.New(ctx, engine.Config[held]{
		Renew:       g.renew,
		SignIn:      g.signIn,
		Interactive: flow.Interactive(),
		Judge:       judge,
		Changed:     g.credentialsChanged,
		Failed:      g.failed,
		Now:         func() time.Time { return wallClock() },
		MinBackOff:  g.cfg.Refresh.MinBackOff,
		MaxBackOff:  g.cfg.Refresh.MaxBackOff,
		IdleAfter:   g.cfg.Refresh.IdleAfter,
		Eager:       g.cfg.Refresh.Eager,
		Passive:     g.cfg.Refresh.Disabled,
		Ended:       g.ended,
	})
	if n, ok := g.store.(Notifier); ok && !g.cfg.Refresh.Disabled {
		g.stop = sync.OnceFunc(n.Notify(g.engine.Changed))
	}
	g.engine.Start()
	return g, nil
}

func newGrant(flow Flow, cfg Config) *Grant {
	cfg.Refresh = cfg.Refresh.withDefaults()
	cfg.Token.Expiry = wall(cfg.Token.Expiry)
	g := &Grant{cfg: cfg, flow: flow, store: cfg.Store, log: cfg.Logger, stop: func() {}}
	if cfg.Client != nil {
		g.client = cfg.Client.with(cfg)
	} else {
		g.client, g.owned = newClient(cfg), true
	}
	if g.cfg.Name == "" {
		g.cfg.Name = g.client.auth.ClientID()
	}
	g.sent.auth = g.client.auth
	g.origins = origins(g.client.origins)
	if g.store == nil {
		g.store = &memoryStore{}
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.log = g.log.With("grant", g.cfg.Name)
	return g
}

// EnsureActiveToken gives nil once an active token is held: at once if it is, whatever ctx, and then without a lock or an allocation. Otherwise it waits on ctx
// for one, which may ask a person if the flow does. It gives ErrLoginRequired, an *Error, the error of the Store or of a user's Flow, or ErrClosed.
func (g *Grant) EnsureActiveToken(ctx context.Context) error {
	if g.engine.Fresh() != nil {
		return nil
	}
	_, err := g.active(ctx)
	return err
}

// PrepareRequest is EnsureActiveToken, and then sets Authorization in h (RFC 6750 §2.1). With Config.Proof set it gives an error, since a proof covers the
// whole request: use Authorize.
func (g *Grant) PrepareRequest(ctx context.Context, h http.Header) error {
	switch {
	case h == nil:
		return errNilHeader
	case g.client.proof != nil:
		return errNeedsProof
	}
	s := g.engine.Fresh()
	if s == nil {
		var err error
		if s, err = g.active(ctx); err != nil {
			return err
		}
	}
	setAuthorization(h, s.Value.header)
	return nil
}

// setAuthorization gives each header a value slice of its own and writes into none: a header's slices may be shared with a copy of it.
func setAuthorization(h http.Header, value string) {
	if now := h["Authorization"]; len(now) != 1 || now[0] != value {
		h["Authorization"] = []string{value}
	}
}

// Token is EnsureActiveToken, and then gives a copy of the token.
func (g *Grant) Token(ctx context.Context) (Token, error) {
	s, err := g.active(ctx)
	if err != nil {
		return Token{}, err
	}
	return s.Value.token, nil
}

func (g *Grant) active(ctx context.Context) (*snapshot, error) {
	if s := g.engine.Fresh(); s != nil {
		return s, nil
	}
	if ctx == nil {
		return nil, errNilContext
	}
	return g.engine.Get(ctx)
}

// FetchToken runs the flow now, whatever token is held, and may ask a person. Concurrent calls share one run. It blocks until that has ended or ctx ends, and
// does not wait for the back-off after a failure.
func (g *Grant) FetchToken(ctx context.Context) (Token, error) { return g.now(ctx, g.engine.Run) }

// RefreshToken renews now, whatever token is held, and never asks a person: where only that would help it gives ErrLoginRequired. A token that another process
// has put into the Store meanwhile counts as renewed. It blocks until that is done or ctx ends, and does not wait for the back-off after a failure.
func (g *Grant) RefreshToken(ctx context.Context) (Token, error) {
	return g.now(ctx, g.engine.Renew)
}

func (g *Grant) now(ctx context.Context, obtain func(context.Context) (*snapshot, error)) (Token, error) {
	if ctx == nil {
		return Token{}, errNilContext
	}
	s, err := obtain(ctx)
	if err != nil {
		return Token{}, err
	}
	return s.Value.token, nil
}

// SetToken takes a token from a sign-in done elsewhere: saves it, publishes it, and forgets earlier failures. It waits for the Store, on ctx. If the Store fails
// it gives the Store's error; the token is used all the same, and the grant tries again to save it. A Token with only a refresh token will do.
func (g *Grant) SetToken(ctx context.Context, t Token) error {
	switch {
	case ctx == nil:
		return errNilContext
	case t.AccessToken == "" && t.RefreshToken == "":
		return errors.New("oauth2grant: SetToken: the token has neither an access token nor a refresh token")
	}
	if t.AccessToken != "" {
		if _, err := g.client.authorizing.header(t); err != nil {
			return fmt.Errorf("oauth2grant: SetToken: %w", err)
		}
	}
	ctx, done, err := g.engine.Guard(ctx)
	if err != nil {
		return err
	}
	defer done()
	return g.set(ctx, t)
}

// Invalidate says that an API refused the access token, so that the next call renews it. It does nothing if another token is held by now, or if the token is
// younger than the lesser of 10 s and a tenth of its life: so an API that refuses every token causes no storm. It is in memory only and does not block.
func (g *Grant) Invalidate(accessToken string) { g.invalidate(accessToken) }

func (g *Grant) invalidate(accessToken string) bool {
	s := g.engine.Current()
	if s == nil || s.Value.token.AccessToken != accessToken {
		return true // another one is held, or will be
	}
	if !s.Invalid && !settled(s.Value.token, s.Since, wall(wallClock())) {
		return false
	}
	g.keep.refuse(accessToken)
	g.engine.Invalidate(s)
	return true
}

// Status tells how the grant is, for health checks. It never blocks for long: it asks nobody.
func (g *Grant) Status() Status {
	if err := g.engine.Closed(); err != nil {
		return Status{State: StateClosed, Err: err}
	}
	failures, next, last := g.engine.Health()
	s := Status{Failures: failures, Err: last, NextRefresh: next}
	current := g.engine.Current()
	now := wall(wallClock())
	if current != nil {
		s.Expiry = current.Expiry
		s.Usable = !current.Invalid && (current.Expiry.IsZero() || now.Before(current.Expiry))
	}
	switch {
	case errors.Is(last, ErrLoginRequired):
		s.State = StateLoginRequired
	case current == nil:
		s.State = StateEmpty
	case !s.Usable:
		s.State = StateExpired
	case current.RenewAt.IsZero() || now.Before(current.RenewAt):
		s.State = StateFresh
	default:
		s.State = StateStale
	}
	return s
}

// Client gives the stateless half that the grant works with, with the grant's scopes and parameters.
func (g *Grant) Client() *Client { return g.client }

// Close ends everything that the grant does, waits for every goroutine of it, and returns nil, however often it is called. Calls that wait get ErrClosed at
// once. With a Store, a refresh request already sent has 2 s to be answered and its token 5 s to be saved, lest a rotated refresh token be lost.
func (g *Grant) Close() error {
	g.engine.Close()
	g.saveLast()
	g.ended()
	return nil
}

// ended leaves nothing that a grant needs only while it lives.
func (g *Grant) ended() {
	g.stop()
	if g.owned {
		g.client.CloseIdleConnections()
	}
}

// String names the grant and says how it is.
func (g *Grant) String() string {
	if g == nil || g.engine == nil {
		return "Grant{none}"
	}
	return fmt.Sprintf("Grant{%q, %s}", g.cfg.Name, g.Status().State)
}

// Format implements fmt.Formatter: no verb shows a secret.
func (g *Grant) Format(f fmt.State, _ rune) { formatRedacted(f, g.String()) }

// LogValue implements slog.LogValuer.
func (g *Grant) LogValue() slog.Value { return slog.StringValue(g.String()) }
