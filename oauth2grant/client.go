package oauth2grant

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// Client is one OAuth client at one authorization server: every protocol
// request it can make, and no token. It is safe for concurrent use; many grants
// may share one, and with it the connections, what was discovered, and the
// nonces.
type Client struct {
	*session
	*outlook
}

// outlook is what one Client has of its own, one pointer further, as in a
// grant.
type outlook struct{ *outlookState }

type outlookState struct {
	scopes  []string
	params  url.Values
	origins []string      // as in Config.Origins
	timeout time.Duration // of one request
	name    string        // Config.Name
}

// session is what all views of a Client share, one pointer further, as in a
// grant.
type session struct{ *sessionState }

type sessionState struct {
	own            Server // as configured
	auth           ClientAuth
	revocationAuth ClientAuth
	pkce           PKCEMethod
	push           bool // authorization requests are pushed in any case
	proof          Prover
	authorizing    authorizing
	dialect        Dialect
	wire           *http.Client
	idle           func() // closes idle connections
	guard          *guard // of the library's own transport; nil: it is not used
	insecure       bool
	known          discovered
	watcher        engine.Watcher
}

// NewClient returns a Client made from the part of cfg that concerns the
// authorization server. Scopes, Params and Origins are handed down to the
// grants that share it, unless their [Config] says otherwise; [Refresh.Timeout]
// bounds each request that is not made for a grant. It does no network I/O.
//
// It refuses an unusable Config with an error that wraps [ErrConfig] and names
// every problem at once, and one with what belongs to a [Grant]: Token, Store,
// OnEvent, or anything else of Refresh.
func NewClient(cfg Config) (*Client, error) {
	problems := append(cfg.clientProblems(), cfg.originProblems()...)
	if cfg.Client != nil {
		problems = append(problems, errors.New("Client is set: NewClient makes one"))
	}
	refresh := cfg.Refresh
	if refresh.Timeout = 0; cfg.Token != (Token{}) || cfg.Store != nil || refresh != (Refresh{}) ||
		cfg.OnEvent != nil {
		problems = append(problems,
			errors.New("Token, Store, Refresh (but for its Timeout) and OnEvent belong to a Grant"))
	}
	problems = append(problems, (&Refresh{Timeout: cfg.Refresh.Timeout}).validate()...)
	if err := unusable(problems); err != nil {
		return nil, err
	}
	return newClient(cfg), nil
}

func newClient(cfg Config) *Client {
	t := cfg.transport()
	refresh := cfg.Refresh.withDefaults()
	s := &session{&sessionState{
		own: cfg.Server.aliased(), auth: cfg.Auth, revocationAuth: cfg.RevocationAuth, pkce: cfg.PKCE,
		push: cfg.PushedAuthorization, proof: cfg.Proof,
		authorizing: cfg.authorizing(), dialect: cfg.Dialect, wire: wire.Client(t.RoundTripper), idle: t.closeIdle,
		guard: t.guard, insecure: cfg.InsecureAllowHTTP, known: newDiscovered(refresh),
		watcher: engine.Watcher{Now: wallClock},
	}}
	if s.own.metadata != nil {
		s.guard.watch(s.own)
	}
	if s.revocationAuth == nil {
		s.revocationAuth = s.auth
	}
	s.auth, _ = forIssuer(s.auth, s.own.Issuer) // the error was one of cfg's problems
	s.revocationAuth, _ = forIssuer(s.revocationAuth, s.own.Issuer)
	return (&Client{s, &outlook{&outlookState{timeout: refresh.Timeout}}}).with(cfg)
}

// with returns a view of c for a grant that has scopes, parameters and origins
// of its own, and whose requests may take longer.
func (c *Client) with(cfg Config) *Client {
	own := *c.outlookState
	if cfg.Name != "" {
		own.name = cfg.Name
	}
	if cfg.Scopes != nil {
		own.scopes = slices.Clone(cfg.Scopes)
	}
	if cfg.Params != nil {
		own.params = url.Values(http.Header(cfg.Params).Clone())
	}
	if cfg.Origins != nil {
		own.origins = slices.Clone(cfg.Origins)
	}
	own.timeout = max(own.timeout, cfg.Refresh.Timeout) // a grant bounds what is shorter by itself
	return &Client{c.session, &outlook{&own}}
}

// ClientID returns the client identifier.
func (c *Client) ClientID() string { return c.auth.ClientID() }

// CloseIdleConnections closes the connections to the authorization server that
// no request uses. A [Grant] that made its own Client does so when it is
// closed.
func (c *Client) CloseIdleConnections() { c.idle() }

// String names the client and its server.
func (c Client) String() string {
	if c.session == nil {
		return "Client{none}"
	}
	where := c.own.Issuer
	if u, err := url.Parse(c.own.TokenURL); where == "" && err == nil {
		where = origin(u)
	}
	return fmt.Sprintf("Client{id %q at %q}", c.auth.ClientID(), where)
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (c Client) Format(f fmt.State, _ rune) { formatRedacted(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
