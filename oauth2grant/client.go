package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
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

// NewClient returns a Client made from what of cfg concerns the authorization
// server. Scopes, Params and Origins are handed down to the grants that share
// it, unless their Config says otherwise; Refresh.Timeout bounds each request
// that is not made for a grant. It does no network I/O.
//
// It refuses an unusable Config with an error that wraps [ErrConfig] and names
// every problem at once, and one with what belongs to a Grant: Token, Store,
// the rest of Refresh, or OnEvent.
func NewClient(cfg Config) (*Client, error) {
	problems := append(cfg.clientProblems(), cfg.originProblems()...)
	if cfg.Client != nil {
		problems = append(problems, errors.New("Client is set: NewClient makes one"))
	}
	refresh := cfg.Refresh
	if refresh.Timeout = 0; cfg.Token != (Token{}) || cfg.Store != nil || refresh != (Refresh{}) ||
		cfg.OnEvent != nil {
		problems = append(problems, errors.New("Token, Store, Refresh (but for its Timeout) and OnEvent belong to a Grant"))
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

// CloseIdleConnections closes those to the authorization server that no request
// uses. A Grant that made its own Client does so when it is closed.
func (c *Client) CloseIdleConnections() { c.idle() }

// RequestToken makes a token request with any grant_type, which params must
// name (RFC 6749 §4.5). [Config].Params are added, and [Config].Scopes where
// the grant takes a scope and params has none; params win. It blocks until the
// server has answered or ctx ends. The error is an [*Error].
func (c *Client) RequestToken(ctx context.Context, params url.Values) (Token, error) {
	grantType := params.Get("grant_type")
	if grantType == "" {
		return Token{}, refuse("token", "params has no grant_type")
	}
	values := c.merged(params)
	if len(c.scopes) > 0 && !values.Has("scope") && takesScope(grantType) {
		values.Set("scope", strings.Join(c.scopes, " "))
	}
	return c.token(ctx, exchange{
		op: grantType, form: values, scope: values.Get("scope"), patient: grantType == OpAuthorizationCode,
	})
}

// Refresh trades a refresh token for a new token (RFC 6749 §6). [Config].Params
// are added, [Config].Scopes are not: pass scope in params to narrow it. A
// response without a refresh token keeps the old one. It blocks until the
// server has answered or ctx ends. The error is an [*Error]; it wraps
// [errors.ErrUnsupported] where the server is known to refresh no token.
func (c *Client) Refresh(ctx context.Context, refreshToken string, params url.Values) (Token, error) {
	if refreshToken == "" {
		return Token{}, refuse(OpRefresh, "there is no refresh token")
	}
	values := c.merged(params)
	values.Set("grant_type", OpRefresh)
	values.Set("refresh_token", refreshToken)
	ctx, look := takeLastLook(ctx)
	t, err := c.token(ctx, exchange{op: OpRefresh, form: values, scope: values.Get("scope"), look: look})
	if err == nil && t.RefreshToken == "" {
		t.RefreshToken = refreshToken
	}
	return t, err
}

// takesScope reports whether a token request of that grant has a scope: for the
// two others it was part of an earlier request.
func takesScope(grantType string) bool {
	return grantType != OpAuthorizationCode && grantType != OpDeviceCode
}

// merged returns params over those of the configuration.
func (c *Client) merged(params url.Values) url.Values {
	values := url.Values{}
	maps.Copy(values, c.params)
	maps.Copy(values, params)
	return values
}

// exchange is one token request.
type exchange struct {
	op      string
	form    url.Values
	scope   string       // requested
	patient bool         // what is sent can't be obtained again
	look    func() error // before the body is handed over; may be nil
}

func (c *Client) token(ctx context.Context, x exchange) (Token, error) {
	if ctx == nil {
		return Token{}, errNilContext
	}
	to, err := c.tokenEndpoint(ctx, x.op)
	if err != nil {
		return Token{}, unsent(err)
	}
	var sent time.Time
	answer, err := c.post(ctx, request{
		op: x.op, to: to, auth: c.auth, form: withParamsOf(ctx, x.form), patient: x.patient, look: x.look,
		sending: func() { sent = clockNow() },
	})
	if err != nil {
		return Token{}, err
	}
	read, failure := wire.ReadToken(answer)
	if failure != nil {
		return Token{}, failed(x.op, to, failure)
	}
	t := c.tokenOf(x, read, sent)
	if passedOn(x.op, t) {
		return t, nil
	}
	if _, err := c.authorizing.header(t); err != nil {
		return Token{}, (&Error{Op: x.op, StatusCode: answer.Status, cause: err, refused: true}).at(to)
	}
	return t, nil
}

// tokenOf makes a Token of what the server issued.
func (c *Client) tokenOf(x exchange, read wire.Token, sent time.Time) Token {
	t := Token{
		AccessToken: read.AccessToken, TokenType: read.TokenType, RefreshToken: read.RefreshToken, IDToken: read.IDToken,
		Scope: read.Scope, lifetime: saneLifetime(read.ExpiresIn), extra: read.Extra,
		refreshAfter: saneLifetime(read.RefreshIn),
	}
	if t.TokenType == "" {
		t.TokenType, _ = c.authorizing.name("")
	}
	if !read.HasScope {
		t.Scope = x.scope
	}
	if t.lifetime > 0 {
		t.Expiry = wall(sent.Add(t.lifetime))
	}
	if life := saneLifetime(read.RefreshExpiresIn); life > 0 {
		t.refreshEnd = wall(sent.Add(life))
	}
	return t
}

// Post sends a form to an endpoint of the authorization server, authenticated
// as token requests are, and decodes the JSON answer into out unless that is
// nil. It blocks until the server has answered or ctx ends. The error is an
// [*Error].
func (c *Client) Post(ctx context.Context, endpoint string, form url.Values, out any) error {
	return c.postTo(ctx, OpPost, endpoint, c.auth, form, out)
}

func (c *Client) postTo(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values, out any,
) error {
	answer, err := c.send(ctx, op, endpoint, auth, form)
	if err != nil || out == nil {
		return err
	}
	if failure := wire.ReadObject(answer, out); failure != nil {
		return failed(op, endpoint, failure)
	}
	return nil
}

// send posts a form once, wherever that is acceptable.
func (c *Client) send(
	ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values,
) (wire.Answer, error) {
	if ctx == nil {
		return wire.Answer{}, errNilContext
	}
	if _, err := checkURL(endpoint, c.insecure); err != nil {
		return wire.Answer{}, refuse(op, "the endpoint %w", err)
	}
	return c.post(ctx, request{op: op, to: endpoint, auth: auth, form: form, sending: func() {}})
}

// request is one form to be sent.
type request struct {
	op, to  string
	auth    ClientAuth
	form    url.Values
	patient bool         // what is sent can't be obtained again
	look    func() error // before the body is handed over; may be nil
	sending func()       // called for every send
}

// post sends a form, authenticated and proved anew for every send. A server
// that wants a nonce in the proof gets it once (RFC 9449 §8).
func (c *Client) post(ctx context.Context, r request) (wire.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	prover := proverOf(ctx, c.proof)
	nonce := ""
	prepare := func() (wire.Form, error) {
		f := wire.Form{
			Header: http.Header{}, Values: url.Values{}, BeforeSend: r.look, Rewrite: c.dialect.rewrite(r.op),
		}
		maps.Copy(f.Values, r.form)
		if err := r.auth.Authenticate(ctx, r.to, f.Header, f.Values); err != nil {
			return f, err
		}
		if prover != nil {
			proof, err := prover.Proof(ctx, ProofRequest{Method: http.MethodPost, URL: r.to, Nonce: nonce})
			if err != nil {
				return f, err
			}
			f.Header.Set(schemeDPoP, proof)
		}
		c.dialect.request(r.op, f.Header, f.Values)
		r.sending()
		return f, nil
	}
	send := wire.Post
	if r.patient {
		send = wire.PostPatiently
	}
	answer, failure := send(ctx, c.wire, r.to, prepare)
	c.learn(r.to, answer.Header)
	if failure != nil && c.proof != nil && Code(failure.Code) == UseDPoPNonce {
		if nonce = answer.Header.Get(headerNonce); nonce != "" {
			answer, failure = send(ctx, c.wire, r.to, prepare)
			c.learn(r.to, answer.Header)
		}
	}
	if failure != nil {
		return answer, withClockHint(failed(r.op, r.to, failure), answer.Header)
	}
	return answer, nil
}

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
