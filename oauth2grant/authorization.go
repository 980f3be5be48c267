package oauth2grant

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Authorization is one authorization request under way, from BeginAuthorization to FinishAuthorization. A web application keeps it in the user's session,
// encrypted if that is a cookie: its JSON holds secrets. It shows none when it is given to fmt or slog.
type Authorization struct {
	URL          string   `json:"url"` // where the person's browser is to go
	State        string   `json:"state"`
	Nonce        string   `json:"nonce,omitempty"` // that the ID token must carry; empty without the scope openid
	CodeVerifier string   `json:"code_verifier,omitempty"`
	RedirectURI  string   `json:"redirect_uri"`
	Scopes       []string `json:"scopes,omitempty"` // asked for
}

// String names where the answer will go.
func (a Authorization) String() string {
	return fmt.Sprintf("Authorization{to %q, scopes %q, state, nonce and verifier [redacted]}", a.RedirectURI, a.Scopes)
}

// Format implements fmt.Formatter: no verb shows a secret.
func (a Authorization) Format(f fmt.State, _ rune) { formatRedacted(f, a.String()) }

// LogValue implements slog.LogValuer.
func (a Authorization) LogValue() slog.Value { return slog.StringValue(a.String()) }

const opAuthorize = "authorization"

// reserved are the parameters of an authorization request that a caller can't set: the safety of the answer hangs on them.
var reserved = []string{"state", "nonce", "client_id", "redirect_uri", "response_type", "code_challenge", "code_challenge_method", "request", "request_uri", "dpop_jkt"}

// BeginAuthorization makes an authorization request (RFC 6749 §4.1.1) with a fresh state, nonce (with the scope openid) and PKCE verifier (RFC 7636). params are
// merged into the URL, as is what the endpoint's own query has; they may override scope, and nothing that the request's safety hangs on. It discovers the
// endpoint, on ctx, where the Config does not name it, and makes no other request.
func (c *Client) BeginAuthorization(ctx context.Context, redirectURI string, params url.Values) (Authorization, error) {
	if ctx == nil {
		return Authorization{}, errNilContext
	}
	for _, name := range reserved {
		if params.Has(name) {
			return Authorization{}, refuse(opAuthorize, "params must not set %s", name)
		}
	}
	if redirectURI == "" {
		return Authorization{}, refuse(opAuthorize, "the redirect URI is empty")
	}
	endpoint, server, err := c.endpointOf(ctx, opAuthorize, func(s Server) string { return s.AuthURL })
	if err != nil {
		return Authorization{}, err
	}
	method := c.pkce.orDefault()
	if err := c.canAuthorize(server, method); err != nil {
		return Authorization{}, err
	}
	target, err := checkURL(endpoint, c.insecure)
	if err != nil {
		return Authorization{}, refuse(opAuthorize, "the endpoint %w", err)
	}
	a := Authorization{State: unguessable(), RedirectURI: redirectURI, Scopes: slices.Clone(c.scopes)}
	if params.Has("scope") {
		a.Scopes = strings.Fields(params.Get("scope"))
	}
	query := target.Query()
	maps.Copy(query, params)
	if resource := c.params["resource"]; len(resource) > 0 && !query.Has("resource") {
		query["resource"] = resource
	}
	set := func(name, value string) {
		if value != "" {
			query.Set(name, value)
		}
	}
	set("response_type", "code")
	set("client_id", c.auth.ClientID())
	set("redirect_uri", redirectURI)
	set("scope", strings.Join(a.Scopes, " "))
	set("state", a.State)
	if slices.Contains(a.Scopes, "openid") {
		a.Nonce = unguessable()
		set("nonce", a.Nonce)
	}
	if method != PKCENone {
		a.CodeVerifier = unguessable()
		set("code_challenge", method.challenge(a.CodeVerifier))
		set("code_challenge_method", string(method))
	}
	if c.proof != nil {
		set("dpop_jkt", c.proof.Thumbprint()) // RFC 9449 §10
	}
	target.RawQuery = query.Encode()
	a.URL = target.String()
	return a, nil
}

// canAuthorize refuses early what the metadata says that the server can't do.
func (c *Client) canAuthorize(s Server, method PKCEMethod) error {
	if !s.supports(metaGrantTypes, grantCode) {
		return refuse(opAuthorize, "the server does not offer the authorization code grant (%s): %w", metaGrantTypes, errors.ErrUnsupported)
	}
	if method != PKCENone && !s.supports("code_challenge_methods_supported", string(method)) {
		return refuse(opAuthorize, "the server does not take PKCE by %s (code_challenge_methods_supported): set Config.PKCE to what it takes: %w", method, errors.ErrUnsupported)
	}
	var pushed bool
	if _, err := s.Metadata("require_pushed_authorization_requests", &pushed); err == nil && pushed {
		return refuse(opAuthorize, "the server wants pushed authorization requests (RFC 9126): %w", errors.ErrUnsupported)
	}
	return nil
}

// FinishAuthorization checks the answer to an authorization request, the query of the redirect or its form, and trades its code for a token (RFC 6749 §4.1.3). It
// refuses an answer with duplicate parameters, another state, or another or missing issuer (RFC 9207), in this order; then it gives the server's error as an
// *Error. The ID token, if there is one, is kept in the Token and not validated. It blocks until the server has answered or ctx ends. An exchange whose outcome
// is unknown is not tried again: a code is good for once.
func (c *Client) FinishAuthorization(ctx context.Context, a Authorization, response url.Values) (Token, error) {
	if ctx == nil {
		return Token{}, errNilContext
	}
	if err := c.checkResponse(ctx, a, response); err != nil {
		return Token{}, err
	}
	return c.exchangeCode(ctx, a, response.Get("code"))
}

func (c *Client) checkResponse(ctx context.Context, a Authorization, response url.Values) error {
	if a.State == "" {
		return refuse(opAuthorize, "the Authorization has no State: keep what BeginAuthorization gave")
	}
	for name, values := range response {
		if len(values) > 1 {
			return refuse(opAuthorize, "the answer has the parameter %q more than once", printable(name))
		}
	}
	if subtle.ConstantTimeCompare([]byte(response.Get("state")), []byte(a.State)) != 1 {
		return refuse(opAuthorize, "the answer does not carry the state of this request: it belongs to another, or is forged")
	}
	if err := c.checkIssuer(ctx, response); err != nil {
		return err
	}
	if code := response.Get("error"); code != "" {
		said := func(name string) string {
			text := response.Get(name)
			for _, secret := range []string{a.State, a.Nonce, a.CodeVerifier, response.Get("code")} {
				if secret != "" {
					text = strings.ReplaceAll(text, secret, "[redacted]")
				}
			}
			return printable(text)
		}
		return &Error{Op: opAuthorize, Code: Code(said("error")), Description: said("error_description"), URI: said("error_uri")}
	}
	if response.Get("code") == "" {
		return refuse(opAuthorize, "the answer has neither a code nor an error")
	}
	return nil
}

// checkIssuer compares iss where it is present, and wants it where the server promises it (RFC 9207 §2.4).
func (c *Client) checkIssuer(ctx context.Context, response url.Values) error {
	if c.own.Issuer == "" {
		return nil
	}
	if response.Has("iss") {
		if iss := response.Get("iss"); iss != c.own.Issuer {
			return refuse(opAuthorize, "the answer is that of issuer %q, not of %q", printable(iss), c.own.Issuer)
		}
		return nil
	}
	s := c.own
	if c.own.AuthURL == "" || c.own.TokenURL == "" { // discovered, or about to be
		var err error
		if s, err = c.Server(ctx); err != nil {
			return err
		}
	}
	var promised bool
	if _, err := s.Metadata("authorization_response_iss_parameter_supported", &promised); err == nil && promised {
		return refuse(opAuthorize, "the answer names no issuer, although the server promises that (RFC 9207)")
	}
	return nil
}

func (c *Client) exchangeCode(ctx context.Context, a Authorization, code string) (Token, error) {
	params := c.merged(form("grant_type", grantCode, "code", code, "redirect_uri", a.RedirectURI))
	switch {
	case a.CodeVerifier != "":
		params.Set("code_verifier", a.CodeVerifier)
	case c.pkce.orDefault() != PKCENone:
		return Token{}, refuse(opAuthorize, "the Authorization has no CodeVerifier: keep what BeginAuthorization gave")
	}
	return c.token(ctx, exchange{op: grantCode, form: params, scope: strings.Join(a.Scopes, " "), patient: true})
}
