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

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// Client is one OAuth client at one authorization server: every protocol request it can make, and no token. It is safe for concurrent use; many grants may
// share one, and with it the connections, what was discovered, and the nonces.
type Client struct {
	*session
	scopes []string
	params url.Values
}

// session is what all views of a Client share.
type session struct {
	own            Server // as configured
	auth           ClientAuth
	revocationAuth ClientAuth
	pkce           PKCEMethod
	proof          Prover
	wire           *http.Client
	idle           func()        // closes idle connections
	timeout        time.Duration // of one request
	insecure       bool
	known          discovered
}

// NewClient makes a Client from what of cfg concerns the authorization server. It does no network I/O. It refuses an unusable Config, naming every problem
// at once, and one with Token, Store, Refresh or Hooks, which belong to a Grant.
func NewClient(cfg Config) (*Client, error) {
	problems := cfg.clientProblems()
	if cfg.Client != nil {
		problems = append(problems, errors.New("Client is set: NewClient makes one"))
	}
	if cfg.Token != (Token{}) || cfg.Store != nil || cfg.Refresh != (Refresh{}) || cfg.Hooks.OnToken != nil || cfg.Hooks.OnError != nil {
		problems = append(problems, errors.New("Token, Store, Refresh and Hooks belong to a Grant"))
	}
	if err := unusable(problems); err != nil {
		return nil, err
	}
	return newClient(cfg), nil
}

func newClient(cfg Config) *Client {
	rt, idle := cfg.roundTripper()
	s := &session{
		own: cfg.Server, auth: cfg.Auth, revocationAuth: cfg.RevocationAuth, pkce: cfg.PKCE, proof: cfg.Proof,
		wire: wire.Client(rt), idle: idle, timeout: cfg.Refresh.withDefaults().Timeout, insecure: cfg.InsecureAllowHTTP,
		known: newDiscovered(cfg.Refresh.withDefaults()),
	}
	if s.revocationAuth == nil {
		s.revocationAuth = s.auth
	}
	s.auth, _ = forIssuer(s.auth, s.own.Issuer) // the error was one of cfg's problems
	s.revocationAuth, _ = forIssuer(s.revocationAuth, s.own.Issuer)
	return (&Client{session: s}).with(cfg)
}

// with gives a view of c for a grant that has scopes and parameters of its own.
func (c *Client) with(cfg Config) *Client {
	view := *c
	if cfg.Scopes != nil {
		view.scopes = slices.Clone(cfg.Scopes)
	}
	if cfg.Params != nil {
		view.params = url.Values(http.Header(cfg.Params).Clone())
	}
	return &view
}

// CloseIdleConnections closes those to the authorization server that no request uses. A Grant that made its own Client does so when it is closed.
func (c *Client) CloseIdleConnections() { c.idle() }

// RequestToken makes a token request with any grant_type, which params must name (RFC 6749 §4.5). Config.Params are added, and Config.Scopes where the grant
// takes a scope and params has none; params win. It blocks until the server has answered or ctx ends, and gives an *Error.
func (c *Client) RequestToken(ctx context.Context, params url.Values) (Token, error) {
	grantType := params.Get("grant_type")
	if grantType == "" {
		return Token{}, refuse("token", "params has no grant_type")
	}
	values := c.merged(params)
	if len(c.scopes) > 0 && !values.Has("scope") && takesScope(grantType) {
		values.Set("scope", strings.Join(c.scopes, " "))
	}
	return c.token(ctx, exchange{op: grantType, form: values, scope: values.Get("scope"), patient: grantType == grantCode})
}

// Refresh trades a refresh token for a new token (RFC 6749 §6). Config.Params are added, Config.Scopes are not: pass scope in params to narrow it. A
// response without a refresh token keeps the old one. It blocks until the server has answered or ctx ends, and gives an *Error.
func (c *Client) Refresh(ctx context.Context, refreshToken string, params url.Values) (Token, error) {
	if refreshToken == "" {
		return Token{}, refuse(opRefresh, "there is no refresh token")
	}
	values := c.merged(params)
	values.Set("grant_type", opRefresh)
	values.Set("refresh_token", refreshToken)
	t, err := c.token(ctx, exchange{op: opRefresh, form: values, scope: values.Get("scope")})
	if err == nil && t.RefreshToken == "" {
		t.RefreshToken = refreshToken
	}
	return t, err
}

const (
	opRefresh       = "refresh_token"
	grantCode       = "authorization_code"
	grantDevice     = "urn:ietf:params:oauth:grant-type:device_code"
	metaAuthMethods = "token_endpoint_auth_methods_supported"
	metaGrantTypes  = "grant_types_supported"
)

// takesScope tells whether a token request of that grant has a scope: for the two others it was part of an earlier request.
func takesScope(grantType string) bool { return grantType != grantCode && grantType != grantDevice }

// merged gives params over those of the configuration.
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
	scope   string // requested
	patient bool   // what is sent can't be obtained again
}

func (c *Client) token(ctx context.Context, x exchange) (Token, error) {
	if ctx == nil {
		return Token{}, errNilContext
	}
	to, err := c.tokenEndpoint(ctx, x.op)
	if err != nil {
		return Token{}, err
	}
	var sent time.Time
	answer, err := c.post(ctx, x.op, to, c.auth, x.form, x.patient, func() { sent = wallClock() })
	if err != nil {
		return Token{}, err
	}
	read, failure := wire.ReadToken(answer)
	if failure != nil {
		return Token{}, failed(x.op, failure)
	}
	return c.accept(x, read, sent)
}

// accept makes a Token of what the server issued, if it is what was asked for.
func (c *Client) accept(x exchange, read wire.Token, sent time.Time) (Token, error) {
	t := Token{
		AccessToken: read.AccessToken, TokenType: read.TokenType, RefreshToken: read.RefreshToken, IDToken: read.IDToken,
		Scope: read.Scope, lifetime: saneLifetime(read.ExpiresIn), extra: read.Extra,
	}
	if t.TokenType == "" {
		t.TokenType = schemeBearer
	}
	if !read.HasScope {
		t.Scope = x.scope
	}
	if t.lifetime > 0 {
		t.Expiry = wall(sent.Add(t.lifetime))
	}
	if passedOn(x.op, t) {
		return t, nil
	}
	if _, err := scheme(t.TokenType, c.proof != nil); err != nil {
		return Token{}, refuse(x.op, "%w", err)
	}
	return t, nil
}

// scheme gives the authentication scheme of a token type, if the client can use it.
func scheme(tokenType string, proving bool) (string, error) {
	switch {
	case strings.EqualFold(tokenType, schemeDPoP) && proving:
		return schemeDPoP, nil
	case strings.EqualFold(tokenType, schemeDPoP):
		return "", errors.New("the server issued a DPoP token, but Config.Proof is not set")
	case strings.EqualFold(tokenType, schemeBearer) && proving:
		return "", errors.New("the server issued a Bearer token although a proof of possession was sent")
	case strings.EqualFold(tokenType, schemeBearer):
		return schemeBearer, nil
	}
	if strings.EqualFold(tokenType, notAccessToken) {
		return "", errors.New("the server issued what is no access token (token_type N_A): run the flow without a Grant, and pass it on")
	}
	return "", fmt.Errorf("the server issued a token of unknown type %q", printable(tokenType))
}

// Post sends a form to an endpoint of the authorization server, authenticated as token requests are, and decodes the JSON answer into out unless that is
// nil. It blocks until the server has answered or ctx ends, and gives an *Error.
func (c *Client) Post(ctx context.Context, endpoint string, form url.Values, out any) error {
	return c.postTo(ctx, "post", endpoint, c.auth, form, out)
}

func (c *Client) postTo(ctx context.Context, op, endpoint string, auth ClientAuth, form url.Values, out any) error {
	if ctx == nil {
		return errNilContext
	}
	if _, err := checkURL(endpoint, c.insecure); err != nil {
		return refuse(op, "the endpoint %w", err)
	}
	answer, err := c.post(ctx, op, endpoint, auth, form, false, func() {})
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if failure := wire.ReadObject(answer, out); failure != nil {
		return failed(op, failure)
	}
	return nil
}

// post sends a form, authenticated and proved anew for every send. A server that wants a nonce in the proof gets it once (RFC 9449 §8).
func (c *Client) post(ctx context.Context, op, to string, auth ClientAuth, params url.Values, patient bool, sending func()) (wire.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	prover := proverOf(ctx, c.proof)
	nonce := ""
	prepare := func() (wire.Form, error) {
		f := wire.Form{Header: http.Header{}, Values: url.Values{}}
		maps.Copy(f.Values, params)
		if err := auth.Authenticate(ctx, to, f.Header, f.Values); err != nil {
			return f, err
		}
		if prover != nil {
			proof, err := prover.Proof(ctx, ProofRequest{Method: http.MethodPost, URL: to, Nonce: nonce})
			if err != nil {
				return f, err
			}
			f.Header.Set(schemeDPoP, proof)
		}
		sending()
		return f, nil
	}
	send := wire.Post
	if patient {
		send = wire.PostPatiently
	}
	answer, failure := send(ctx, c.wire, to, prepare)
	c.learn(to, answer.Header)
	if failure != nil && c.proof != nil && Code(failure.Code) == UseDPoPNonce {
		if nonce = answer.Header.Get(headerNonce); nonce != "" {
			answer, failure = send(ctx, c.wire, to, prepare)
			c.learn(to, answer.Header)
		}
	}
	if failure != nil {
		return answer, withClockHint(failed(op, failure), answer.Header)
	}
	return answer, nil
}

func (c *Client) learn(from string, h http.Header) {
	if nonce := h.Get(headerNonce); nonce != "" && c.proof != nil {
		if u, err := url.Parse(from); err == nil {
			c.proof.Learn(origin(u), nonce)
		}
	}
}

// failed makes the public error of a failure on the wire.
func failed(op string, f *wire.Failure) *Error {
	return &Error{
		Op: op, Code: Code(f.Code), Description: f.Description, URI: f.URI, StatusCode: f.Status, RetryAfter: f.RetryAfter, cause: f.Cause,
		interval: time.Duration(f.Interval) * time.Second,
	}
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

// Format implements fmt.Formatter: no verb shows a secret.
func (c Client) Format(f fmt.State, _ rune) { formatRedacted(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
