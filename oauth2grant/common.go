package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
)

// Grant keeps one token fresh and puts it on requests. It comes from [New],
// must be closed, and is safe for concurrent use.
//
// Methods that wait do so on the ctx of their caller. When it ends they leave
// with an error that wraps its cause and the last failure; what they waited for
// goes on. After [Grant.Close], or the end of New's ctx, every method returns
// [ErrClosed]. A call with the ctx that a [Flow] or a [Store] of the same grant
// was given returns an error at once where it would wait for itself.
//
// A Grant shows no secret when it is given to fmt or slog.
type Grant struct {
	*grant // so that a Grant within another value prints as an address
}

// grant is what all copies of a Grant share, one pointer further: fmt follows
// one, of a verb that does not fit, even in an unexported field.
type grant struct{ *grantState }

type grantState struct {
	cfg     settings
	flow    Flow
	client  *Client
	owned   bool // client is this grant's alone
	log     *slog.Logger
	engine  *engine.Engine[held]
	custody *custody
	sent    witness
	origins []webOrigin // where the token may go; empty: anywhere

	loginDueOf time.Time // the end of which EventLoginDue was told, by endSaid; of the goroutine that tells events

	subscribers subscribers
	unsubscribe func() // ends the subscription to the Notifier; nil: there is none
}

// settings are what of its Config a grant needs as long as it lives.
type settings struct {
	Name    string
	Token   Token
	Refresh Refresh
	OnEvent func(context.Context, Event)
}

// held is what a snapshot carries.
type held struct {
	token   Token
	header  string // the value of Authorization
	adopted bool   // it was not issued to this grant
	proof   Prover // of the key that the token is bound to; nil: none
}

type (
	snapshot = engine.Snapshot[held]
	flight   = engine.Flight[held]
)

var errZeroGrant = errors.New("oauth2grant: this Grant was not made by New")

// New returns a grant that obtains tokens by running flow. ctx bounds the life
// of the grant, not this call. New makes no request; it returns an error that
// names every problem of an unusable [Config] at once, and then leaves nothing
// running.
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
		Judge:       g.judge,
		Changed:     g.credentialsChanged,
		Failed:      g.failed,
		Now:         wallClock,
		MinBackOff:  g.cfg.Refresh.MinBackOff,
		MaxBackOff:  g.cfg.Refresh.MaxBackOff,
		IdleAfter:   g.cfg.Refresh.IdleAfter,
		Eager:       g.cfg.Refresh.Eager,
		Passive:     g.cfg.Refresh.Disabled,
		Watcher:     &g.client.watcher,
		Ended:       g.ended,
	})
	if n, ok := cfg.Store.(Notifier); ok && !cfg.Refresh.Disabled {
		g.unsubscribe = n.Notify(g.engine.Changed)
	}
	g.engine.Start()
	return &Grant{g}, nil
}

func newGrant(flow Flow, cfg Config) *grant {
	cfg.Refresh = cfg.Refresh.withDefaults()
	cfg.Token.Expiry = wall(cfg.Token.Expiry)
	own := settings{Name: cfg.Name, Token: cfg.Token, Refresh: cfg.Refresh, OnEvent: cfg.OnEvent}
	g := &grant{&grantState{cfg: own, flow: flow, log: cfg.Logger}}
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
	g.custody = newCustody(cfg.Store, cfg.Refresh.Timeout)
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.log = g.log.With("grant", g.cfg.Name)
	g.sent.log, g.custody.log = g.log, g.log
	return g
}

// EnsureActiveToken returns nil as soon as the grant holds an active token. If
// it already holds one, it returns at once, whatever the state of ctx, and
// neither locks nor allocates. Otherwise it waits until a token has been
// obtained, which may involve a person if [Flow.Interactive] says so, or until
// ctx ends.
//
// The error is [ErrLoginRequired], [ErrClosed], an [*Error], or that of the
// [Store] or of a user's [Flow].
func (g *Grant) EnsureActiveToken(ctx context.Context) error {
	if g.grant != nil && g.engine.Fresh() != nil {
		return nil
	}
	_, err := g.active(ctx)
	return err
}

// PrepareRequest is [Grant.EnsureActiveToken], and then sets Authorization in h
// (RFC 6750 §2.1). With [Config.Proof] set it returns an error, since a proof
// covers the whole request: use [Grant.Authorize].
func (g *Grant) PrepareRequest(ctx context.Context, h http.Header) error {
	switch {
	case h == nil:
		return errNilHeader
	case g.grant != nil && g.client.proof != nil:
		return errNeedsProof
	}
	s, err := g.active(ctx)
	if err != nil {
		return err
	}
	setAuthorization(h, s.Value.header)
	return nil
}

// setAuthorization returns each header a value slice of its own and writes into
// none: a header's slices may be shared with a copy of it.
func setAuthorization(h http.Header, value string) {
	if now := h["Authorization"]; len(now) != 1 || now[0] != value {
		h["Authorization"] = []string{value}
	}
}

// Token is [Grant.EnsureActiveToken], and then returns a copy of the token.
func (g *Grant) Token(ctx context.Context) (Token, error) {
	s, err := g.active(ctx)
	if err != nil {
		return Token{}, err
	}
	return s.Value.token, nil
}

func (g *Grant) active(ctx context.Context) (*snapshot, error) {
	if g.grant == nil {
		return nil, errZeroGrant
	}
	if s := g.engine.Fresh(); s != nil {
		return s, nil
	}
	if ctx == nil {
		return nil, errNilContext
	}
	return g.engine.Get(ctx)
}

// FetchToken runs the flow now, whatever token is held, and may ask a person.
// Concurrent calls share one run. It waits until that has ended or ctx ends,
// and does not wait for the back-off after a failure. The errors are those of
// [Grant.EnsureActiveToken].
func (g *Grant) FetchToken(ctx context.Context) (Token, error) {
	if g.grant == nil {
		return Token{}, errZeroGrant
	}
	return now(ctx, g.engine.Run)
}

// RefreshToken renews now, whatever token is held, and never asks a person:
// where only that would help it returns [ErrLoginRequired]. A token that
// another process has put into the [Store] meanwhile counts as renewed. It
// waits until that is done or ctx ends, and does not wait for the back-off
// after a failure. If the token is set or revoked meanwhile, the error says so
// unless the new one is held already.
func (g *Grant) RefreshToken(ctx context.Context) (Token, error) {
	if g.grant == nil {
		return Token{}, errZeroGrant
	}
	return now(ctx, g.engine.Renew)
}

func now(ctx context.Context, obtain func(context.Context) (*snapshot, error)) (Token, error) {
	if ctx == nil {
		return Token{}, errNilContext
	}
	s, err := obtain(ctx)
	if err != nil {
		return Token{}, err
	}
	return s.Value.token, nil
}

// SetToken takes a token from a sign-in done elsewhere: it saves it, publishes
// it, and forgets earlier failures. A [Token] with only a refresh token will
// do.
//
// It waits for the [Store], on ctx; a Save that has begun is not broken off,
// and may take 5 s longer. If it returns an error of the Store, or because ctx
// has ended, the token is used all the same, and the grant goes on trying to
// save it. A token that the grant could not use is refused, and then nothing
// has changed.
func (g *Grant) SetToken(ctx context.Context, t Token) error {
	switch {
	case g.grant == nil:
		return errZeroGrant
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

// Client returns the stateless half that the grant works with, with the grant's
// scopes and parameters.
func (g *Grant) Client() *Client {
	if g.grant == nil {
		return &Client{}
	}
	return g.client
}

// Close ends everything that the grant does, waits for every goroutine of it,
// and returns nil, however often it is called. Calls that wait get [ErrClosed]
// at once. With a [Store], a refresh request already sent whose answer must not
// be lost has 10 s to be answered, and what must be saved 5 s to be saved.
func (g *Grant) Close() error {
	if g.grant != nil {
		g.engine.Close()
	}
	return nil
}

// ended runs when all that the grant did has ended: it writes what still waits
// and leaves nothing that a grant needs only while it lives.
func (g *grant) ended() {
	if g.unsubscribe != nil {
		g.unsubscribe()
	}
	g.saveLast()
	if g.owned {
		g.client.CloseIdleConnections()
	}
}

// saveLast goes on writing what waits for as long as a write may take, unless
// that was tried since the grant has ended.
func (g *grant) saveLast() {
	if g.custody.waits() == nil || g.custody.triedSince(g.engine.EndedAt()) {
		return
	}
	ctx, cancel := context.WithTimeout(g.engine.Afterlife(), saveTimeout)
	defer cancel()
	for g.custody.waits() != nil {
		err := g.custody.locked(ctx, waiting{blind: true}, func(_ context.Context, v view) error { return v.err })
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			g.log.Error("a token could not be saved", "error", err)
			return
		}
		pause(ctx, context.Background(), saveEvery, g.custody.changed)
	}
}

// String returns the grant's name and state.
func (g Grant) String() string {
	if g.grant == nil {
		return "Grant{none}"
	}
	return fmt.Sprintf("Grant{%q, %s}", g.cfg.Name, g.Status().State)
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (g Grant) Format(f fmt.State, _ rune) { formatRedacted(f, g.String()) }

// LogValue implements [slog.LogValuer].
func (g Grant) LogValue() slog.Value { return slog.StringValue(g.String()) }
