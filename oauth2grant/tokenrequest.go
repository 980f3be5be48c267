package oauth2grant

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

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
		AccessToken: read.AccessToken, TokenType: read.TokenType, RefreshToken: read.RefreshToken,
		IDToken: read.IDToken, Scope: read.Scope, lifetime: saneLifetime(read.ExpiresIn), extra: read.Extra,
		refreshAfter: saneLifetime(read.RefreshIn),
	}
	if t.TokenType == "" {
		t.TokenType, _ = c.authorizing.name("")
	}
	if !read.HasScope {
		t.Scope = x.scope
	}
	if t.lifetime == 0 && !read.Expires.IsZero() {
		t.lifetime = lifetimeUntil(read.Expires, cmp.Or(read.Date, wall(sent)))
	}
	if t.lifetime > 0 {
		t.Expiry = wall(sent.Add(t.lifetime))
	}
	if life := saneLifetime(read.RefreshExpiresIn); life > 0 {
		t.refreshEnd = wall(sent.Add(life))
	}
	return t
}
