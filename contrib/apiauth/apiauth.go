package apiauth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Auth signs in to one API, for any number of accounts. It comes from [New],
// must be closed, and is safe for concurrent use.
type Auth struct {
	cfg    Config
	api    *url.URL
	origin string
	guard  *guard
	hc     *http.Client // through the guard
	store  oauth2grant.Store
	pool   *oauth2grant.Pool[place]
	limits restraint

	mu     sync.Mutex // guards the fields below
	loaded bool       // the store has been read
	known  *known     // nil: nothing is known yet
	opened map[place]struct{}
}

// known is a record in use. Each has grants of its own.
type known struct{ record }

// place is the key of a grant.
type place struct {
	account string
	known   *known
}

// New returns an Auth for the API at a URL, which is https, or on this machine.
// ctx bounds the life of the Auth, not this call. New makes no request. An
// unusable address or Config is an error that wraps [oauth2grant.ErrConfig];
// another error is that of [Config.Store].
func New(ctx context.Context, api string, cfg Config) (*Auth, error) {
	u, err := cfg.check(api)
	if err != nil {
		return nil, err
	}
	a := &Auth{cfg: cfg.withDefaults(), api: u, origin: originOf(u), opened: map[place]struct{}{}}
	a.guard = newGuard(u, a.cfg)
	a.hc = a.guard.client()
	if a.store, err = a.cfg.Store(keyOf("api", u.String())); err != nil {
		return nil, fmt.Errorf("apiauth: open the store: %w", err)
	}
	a.pool = oauth2grant.NewPool(ctx, a.open, oauth2grant.PoolConfig{})
	return a, nil
}

// open makes the grant of one account.
func (a *Auth) open(ctx context.Context, p place) (*oauth2grant.Grant, error) {
	r := p.known.record
	auth, err := a.auth(r)
	if err != nil {
		return nil, err
	}
	store, err := a.cfg.Store(keyOf("token", a.api.String(), p.account, r.Issuer, r.Client.ID))
	if err != nil {
		return nil, fmt.Errorf("apiauth: open the store: %w", err)
	}
	cfg := oauth2grant.Config{
		Name: a.cfg.Name, Server: oauth2grant.Server{Issuer: r.Issuer}, Auth: auth, Scopes: r.Scopes, Store: store,
		Proof: a.cfg.Proof, Refresh: a.cfg.Refresh, HTTPClient: a.hc, Logger: a.cfg.Logger,
		Origins: []string{a.ownIssuer()},
	}
	if r.Guessed {
		cfg.Server = oauth2grant.Server{AuthURL: r.Issuer + "/authorize", TokenURL: r.Issuer + "/token"}
	}
	if r.Resource != "" {
		cfg.Params = url.Values{"resource": {r.Resource}}
	}
	if on := a.cfg.OnEvent; on != nil {
		cfg.OnEvent = func(ctx context.Context, e oauth2grant.Event) { on(ctx, p.account, e) }
	}
	g, err := oauth2grant.New(ctx, a.cfg.Flow, cfg)
	if err == nil {
		a.mu.Lock()
		a.opened[p] = struct{}{}
		a.mu.Unlock()
	}
	return g, err
}

// use calls f with the grant of one account.
func (a *Auth) use(ctx context.Context, p place, f func(*oauth2grant.Grant) error) error {
	return a.pool.Use(ctx, p, f)
}

// Transport returns a RoundTripper that signs in where the API says, and sends
// requests to it through base, or through [http.DefaultTransport] if base is
// nil. It waits, on the context of the request, for whatever that takes. What
// [oauth2grant.Grant.Transport] says of origins, redirects and bodies holds; a
// request whose body cannot be read again is not repeated, and its 401 is
// returned, when what it said has been learnt.
//
// The error is that of base, of the grant, or of a [Config.Store]; or it wraps
// [ErrMetadata], [ErrInside], [ErrNoClient] or [ErrRestless]. A 401 of an API
// that does not say how to sign in is returned.
func (a *Auth) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &transport{a: a, base: base}
}

// HTTPClient returns a client for the API, over Transport(nil).
func (a *Auth) HTTPClient() *http.Client { return &http.Client{Transport: a.Transport(nil)} }

// SignOut revokes the token of an account and deletes it, as
// [oauth2grant.Grant.Revoke] does; what was learnt and registered stays. It
// does nothing where nobody has signed in.
func (a *Auth) SignOut(ctx context.Context, account string) error {
	k, err := a.current(ctx)
	if err != nil || k == nil {
		return err
	}
	return a.use(ctx, place{account, k}, func(g *oauth2grant.Grant) error { return g.Revoke(ctx) })
}

// Close ends all grants, when their uses have ended, and returns nil.
func (a *Auth) Close() error {
	_ = a.pool.Close()
	if a.cfg.HTTPClient == nil {
		a.guard.CloseIdleConnections()
	}
	return nil
}

// String names the API.
func (a *Auth) String() string { return fmt.Sprintf("Auth{%s}", a.origin) }

// Format implements [fmt.Formatter]: no verb shows a secret.
func (a *Auth) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// LogValue implements [slog.LogValuer].
func (a *Auth) LogValue() slog.Value { return slog.StringValue(a.String()) }

// current returns what is known, which is read from the store at first.
func (a *Auth) current(ctx context.Context) (*known, error) {
	a.mu.Lock()
	k, loaded := a.known, a.loaded
	a.mu.Unlock()
	if loaded && k != nil {
		return a.fresh(ctx, k)
	}
	r, err := load(ctx, a.store)
	if err != nil || r == nil {
		return nil, err
	}
	return a.fresh(ctx, a.set(*r))
}

// set takes a record into use and returns it. The grants of another record are
// closed when nobody uses them any more.
func (a *Auth) set(r record) *known {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaded = true
	if a.known != nil && a.known.same(r) {
		return a.known
	}
	a.known = &known{r}
	for p := range a.opened {
		a.pool.Forget(p)
	}
	clear(a.opened)
	return a.known
}

// change makes a new record of the present one, was, under the lock of the
// store. Where somebody else has made one, it takes that instead.
func (a *Auth) change(
	ctx context.Context, was *known, next func(ctx context.Context) (record, error),
) (*known, error) {
	held, unlock, err := a.store.Lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("apiauth: lock the store: %w", err)
	}
	defer unlock()
	stored, err := load(held, a.store)
	switch {
	case err != nil:
		return nil, err
	case stored != nil && (was == nil || !stored.same(was.record)):
		return a.set(*stored), nil
	}
	if was != nil && !a.limits.allow() {
		return nil, ErrRestless
	}
	r, err := next(held)
	if err != nil {
		return nil, err
	}
	if err := r.save(held, a.store); err != nil {
		return nil, err
	}
	return a.set(r), nil
}

// ErrRestless says that the API, or its server, has demanded another sign-in or
// registration too often. Try again later.
var ErrRestless = errors.New("apiauth: the API demands new sign-ins or registrations again and again")
