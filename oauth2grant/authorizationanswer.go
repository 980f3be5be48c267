package oauth2grant

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"
	"time"
)

// ErrOtherState says that an answer carries the state of another sign-in: the
// person has finished an older one, in a tab that was left open, or somebody
// has forged it. Begin a new sign-in, and do not use the answer.
var ErrOtherState = errors.New(
	"the answer does not carry the state of this request: it belongs to another, or is forged")

// FinishAuthorization checks the answer to an authorization request, the query
// of the redirect or its form, and trades its code for a token (RFC 6749
// §4.1.3).
//
// It refuses an Authorization that another [Client] began, and an answer with
// duplicate parameters, with another state ([ErrOtherState]), or with another
// or a missing issuer (RFC 9207), in this order. An issuer in the answer is
// refused too where [Server.Issuer] is not set to compare it with. Then it
// returns the server's error, if the answer is one. All errors are an [*Error].
//
// The ID token, if there is one, is kept in the [Token] and not validated; see
// [Authorization.CheckNonce]. FinishAuthorization blocks until the server has
// answered or ctx ends. An exchange whose outcome is unknown is not tried
// again: a code is good for once.
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
	if a.State == "" || a.ClientID == "" {
		return refuse(OpAuthorization,
			"the Authorization has no State or ClientID: keep what BeginAuthorization returned")
	}
	if a.ClientID != c.auth.ClientID() || a.Issuer != c.own.Issuer {
		return anothers(a)
	}
	if err := checkState(a, response); err != nil {
		return err
	}
	if err := c.checkIssuer(ctx, response); err != nil {
		return err
	}
	if code := response.Get("error"); code != "" {
		return refusedBy(a, response)
	}
	if response.Get("code") == "" {
		return refuse(OpAuthorization, "the answer has neither a code nor an error")
	}
	return nil
}

// anothers is the error for an Authorization that another Client began.
func anothers(a Authorization) error {
	return refuse(OpAuthorization,
		"the Authorization was begun for client %q at %q: finish it with the Client that began it",
		printable(a.ClientID), printable(hostOf(a.TokenURL)))
}

// checkState refuses an answer with duplicate parameters, or of another
// request.
func checkState(a Authorization, response url.Values) error {
	for name, values := range response {
		if len(values) > 1 {
			return refuse(OpAuthorization, "the answer has the parameter %q more than once", printable(name))
		}
	}
	if subtle.ConstantTimeCompare([]byte(response.Get("state")), []byte(a.State)) != 1 {
		return refuse(OpAuthorization, "%w", ErrOtherState)
	}
	return nil
}

// refusedBy is the server's error, without what must stay secret.
func refusedBy(a Authorization, response url.Values) error {
	said := func(name string) string {
		text := response.Get(name)
		for _, secret := range []string{a.State, a.Nonce, a.CodeVerifier, response.Get("code")} {
			if secret != "" {
				text = strings.ReplaceAll(text, secret, "[redacted]")
			}
		}
		return printable(text)
	}
	return &Error{Op: OpAuthorization, Code: Code(said(
		"error")), Description: said("error_description"), URI: said("error_uri")}
}

// checkIssuer compares iss where it is present, and wants it where the server
// promises it (RFC 9207 §2.4).
func (c *Client) checkIssuer(ctx context.Context, response url.Values) error {
	if response.Has("iss") {
		switch iss := response.Get("iss"); {
		case c.own.Issuer == "":
			return refuse(OpAuthorization,
				"the answer is that of issuer %q, which can't be compared: set Server.Issuer", printable(iss))
		case iss != c.own.Issuer:
			return refuse(OpAuthorization, "the answer is that of issuer %q, not of %q", printable(iss), c.own.Issuer)
		}
		return nil
	}
	promised, err := c.promisesIssuer(ctx)
	if err == nil && promised {
		err = refuse(OpAuthorization, "the answer names no issuer, although the server promises that, or "+
			"Server.RequireIss wants it (RFC 9207)")
	}
	return err
}

// promiseTimeout is how long metadata is waited for that need not exist.
const promiseTimeout = 5 * time.Second

// promisesIssuer reports whether the user, or the server's metadata, says that
// each of its answers names the issuer. Where the Config names all endpoints
// there may be no metadata, and none promises nothing.
func (c *Client) promisesIssuer(ctx context.Context) (bool, error) {
	if c.own.Issuer == "" || c.own.RequireIss {
		return c.own.RequireIss, nil
	}
	if c.namesEndpoints() {
		limited, cancel := context.WithTimeout(ctx, promiseTimeout)
		defer cancel()
		ctx = limited
	}
	s, err := c.Server(ctx)
	if err != nil {
		if c.namesEndpoints() {
			err = nil
		}
		return false, err
	}
	var promised bool
	_, err = s.Metadata("authorization_response_iss_parameter_supported", &promised)
	return promised && err == nil, nil
}

// exchangeCode trades a code for a token, at the server that it came from.
func (c *Client) exchangeCode(ctx context.Context, a Authorization, code string) (Token, error) {
	params := c.merged(form("grant_type", OpAuthorizationCode, "code", code, "redirect_uri", a.RedirectURI))
	switch {
	case a.CodeVerifier != "":
		params.Set("code_verifier", a.CodeVerifier)
	case c.pkce.orDefault() != PKCENone:
		return Token{}, refuse(OpAuthorization,
			"the Authorization has no CodeVerifier: keep what BeginAuthorization returned")
	}
	to, err := c.tokenEndpoint(ctx, OpAuthorizationCode)
	if err != nil {
		return Token{}, err
	}
	if to != a.TokenURL {
		return Token{}, anothers(a)
	}
	return c.token(ctx, exchange{
		op: OpAuthorizationCode, form: params, scope: strings.Join(a.Scopes, " "), patient: true,
	})
}
