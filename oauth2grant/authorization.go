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

// Authorization is one authorization request under way, from
// [Client.BeginAuthorization] to [Client.FinishAuthorization]. A web
// application keeps it in the user's session, encrypted if that is a cookie:
// its JSON holds secrets. It shows none when it is given to fmt or slog.
//
// It records which client began it at which server, and no other [Client]
// finishes it: a code must never be sent to another server than the one that
// the person was sent to (RFC 9700 §4.4).
type Authorization struct {
	// URL is where the person's browser is to go. Where the request was pushed,
	// it is good only for as long as the server keeps that, often a minute.
	URL string `json:"url"`

	// State is what the answer must carry.
	State string `json:"state"`

	// Nonce is what the ID token must carry, see [Authorization.CheckNonce]. It
	// is empty without the scope openid.
	Nonce string `json:"nonce,omitempty"`

	// CodeVerifier is that of RFC 7636; empty without PKCE.
	CodeVerifier string `json:"code_verifier,omitempty"`

	// RedirectURI is where the answer will arrive.
	RedirectURI string `json:"redirect_uri"`

	// Scopes are those that were asked for.
	Scopes []string `json:"scopes,omitempty"`

	// Issuer, TokenURL and ClientID are the server and the client that the
	// request is bound to. Issuer is empty where the [Config] names none.
	Issuer   string `json:"issuer,omitempty"`
	TokenURL string `json:"token_endpoint"`
	ClientID string `json:"client_id"`
}

// CheckNonce compares the nonce claim of an ID token with that of the request,
// in constant time (OpenID Connect Core §3.1.3.7). Call it with the claim of a
// token whose signature, issuer, audience and expiry have been verified. It
// returns an [*Error] if they differ, and if the request had no nonce, because
// it did not ask for the scope openid.
func (a Authorization) CheckNonce(claim string) error {
	if a.Nonce == "" {
		return refuse(OpAuthorization,
			"the request had no nonce to compare with that of the ID token: ask for the scope openid")
	}
	if subtle.ConstantTimeCompare([]byte(claim), []byte(a.Nonce)) != 1 {
		return refuse(OpAuthorization,
			"the ID token does not carry the nonce of this request: it belongs to another, or is replayed")
	}
	return nil
}

// String names where the answer will go.
func (a Authorization) String() string {
	return fmt.Sprintf("Authorization{to %q, scopes %q, state, nonce and verifier [redacted]}", a.RedirectURI, a.Scopes)
}

// Format implements [fmt.Formatter]: no verb shows a secret.
func (a Authorization) Format(f fmt.State, _ rune) { formatRedacted(f, a.String()) }

// LogValue implements [slog.LogValuer].
func (a Authorization) LogValue() slog.Value { return slog.StringValue(a.String()) }

// reserved are the parameters of an authorization request that a caller cannot
// set: the safety of the answer hangs on them.
var reserved = []string{
	"state", "nonce", "client_id", "redirect_uri", "response_type",
	"code_challenge", "code_challenge_method", "dpop_jkt", "request", "request_uri",
}

// BeginAuthorization makes an authorization request (RFC 6749 §4.1.1) with a
// fresh state, a fresh nonce if the scope openid is asked for, and PKCE (RFC
// 7636). With [Config.Proof] it names the key that the code is bound to (RFC
// 9449 §10).
//
// redirectURI is https, or http on this machine, or of a private-use scheme
// that has a domain name for its beginning (RFC 8252 §7.1), and has no
// fragment. params are added to the request, as is what the endpoint's own
// query has; they may override scope, and nothing that the safety of the
// request depends on.
//
// It blocks, until ctx ends, while endpoints are discovered that the [Config]
// does not name, and while the request is pushed (RFC 9126), which it is where
// the server requires it or [Config.PushedAuthorization] is set. Otherwise it
// makes no request. The error is an [*Error]; it wraps [errors.ErrUnsupported]
// where the server's metadata rules the request out. A public client without
// PKCE is refused (RFC 9700 §2.1.1).
func (c *Client) BeginAuthorization(ctx context.Context, redirectURI string, params url.Values) (Authorization, error) {
	if ctx == nil {
		return Authorization{}, errNilContext
	}
	if err := c.checkRequest(redirectURI, params); err != nil {
		return Authorization{}, err
	}
	server, err := c.authorizationServer(ctx)
	if err != nil {
		return Authorization{}, err
	}
	target, err := checkURL(server.AuthURL, c.insecure)
	if err != nil {
		return Authorization{}, refuse(OpAuthorization, "the endpoint %w", err)
	}
	a := Authorization{
		State: unguessable(), RedirectURI: redirectURI, Scopes: slices.Clone(c.scopes),
		Issuer: c.own.Issuer, TokenURL: server.TokenURL, ClientID: c.auth.ClientID(),
	}
	values := c.request(&a, params)
	if c.pushes(server) {
		if values, err = c.pushRequest(ctx, server, values); err != nil {
			return Authorization{}, err
		}
	}
	query := target.Query()
	for _, name := range reserved {
		query.Del(name)
	}
	maps.Copy(query, values)
	target.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20") // which every server reads alike
	a.URL = target.String()
	return a, nil
}

// checkRequest refuses what must not be asked of any server.
func (c *Client) checkRequest(redirectURI string, params url.Values) error {
	for _, name := range reserved {
		if params.Has(name) {
			return refuse(OpAuthorization, "params must not set %s", name)
		}
	}
	if err := checkRedirectURI(redirectURI, c.insecure); err != nil {
		return refuse(OpAuthorization, "the redirect URI %w", err)
	}
	if lacksPKCE(c.auth, c.pkce) {
		return refuse(OpAuthorization, "%w", errNoPKCE)
	}
	return nil
}

var errNoPKCE = errors.New(
	"a public client needs PKCE (RFC 9700 §2.1.1): leave Config.PKCE empty, or set PKCEPlain for a server that " +
		"knows no other")

// lacksPKCE reports whether nothing would bind a code to the client.
func lacksPKCE(auth ClientAuth, method PKCEMethod) bool {
	_, public := auth.(publicAuth)
	return public && method == PKCENone
}

// authorizationServer returns the server that authorization requests go to,
// discovered where the Config does not name all of its endpoints, if it can
// answer them.
func (c *Client) authorizationServer(ctx context.Context) (Server, error) {
	s, named := c.own, c.namesEndpoints()
	if !named || c.push && s.PARURL == "" {
		var err error
		if s, err = c.Server(ctx); err != nil {
			return s, err
		}
	}
	switch {
	case s.AuthURL == "":
		return s, refuse(OpAuthorization, "the server's metadata has no authorization_endpoint: %w",
			errors.ErrUnsupported)
	case s.TokenURL == "":
		return s, refuse(OpAuthorization, "the server's metadata has no token_endpoint: %w", errors.ErrUnsupported)
	case c.own.AuthURL == "" && !s.supports(metaGrantTypes, OpAuthorizationCode):
		return s, refuse(OpAuthorization,
			"the server does not offer the authorization code grant (%s): name Server.AuthURL if it does: "+
				"%w", metaGrantTypes, errors.ErrUnsupported)
	case c.pkce == "" && !named && !s.supports("code_challenge_methods_supported", string(PKCES256)):
		return s, refuse(OpAuthorization,
			"the server does not take PKCE by %s (code_challenge_methods_supported): set Config.PKCE to what it "+
				"takes: %w", PKCES256, errors.ErrUnsupported)
	}
	return s, nil
}

// namesEndpoints reports whether the Config names both endpoints of the grant.
func (c *Client) namesEndpoints() bool { return c.own.AuthURL != "" && c.own.TokenURL != "" }

// request returns the parameters of the request a, whose secrets it draws.
func (c *Client) request(a *Authorization, params url.Values) url.Values {
	values := url.Values{}
	maps.Copy(values, params)
	if params.Has("scope") {
		a.Scopes = strings.Fields(params.Get("scope"))
	}
	if resource := c.params["resource"]; len(resource) > 0 && !values.Has("resource") {
		values["resource"] = resource
	}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("response_type", "code")
	set("client_id", a.ClientID)
	set("redirect_uri", a.RedirectURI)
	set("scope", strings.Join(a.Scopes, " "))
	set("state", a.State)
	if slices.Contains(a.Scopes, "openid") {
		a.Nonce = unguessable()
		set("nonce", a.Nonce)
	}
	if method := c.pkce.orDefault(); method != PKCENone {
		a.CodeVerifier = unguessable()
		set("code_challenge", method.challenge(a.CodeVerifier))
		set("code_challenge_method", string(method))
	}
	if c.proof != nil {
		set("dpop_jkt", c.proof.Thumbprint())
	}
	return values
}
