package oauth2grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// Introspection is what a server says of a token (RFC 7662 §2.2). Only Active is sure to mean something.
type Introspection struct {
	Active                             bool
	Scope, ClientID, Username, Subject string
	Expiry                             time.Time // zero if unknown

	members string
}

// Extra decodes any member of the answer into out and tells whether there is one.
func (i Introspection) Extra(name string, out any) (bool, error) { return member(i.members, name, out) }

// String tells what the fields say; the other members may hold anything.
func (i Introspection) String() string {
	return fmt.Sprintf("Introspection{active %v, scope %q, client %q, subject %q}", i.Active, i.Scope, i.ClientID, i.Subject)
}

// Format implements fmt.Formatter: no verb shows the other members.
func (i Introspection) Format(f fmt.State, _ rune) { formatRedacted(f, i.String()) }

// LogValue implements slog.LogValuer.
func (i Introspection) LogValue() slog.Value { return slog.StringValue(i.String()) }

// UserInfo are claims about the person (OpenID Connect Core §5.3).
type UserInfo struct {
	Subject, Email string // Subject must be that of the ID token, if there is one

	members string
}

// Extra decodes any claim into out and tells whether there is one.
func (u UserInfo) Extra(name string, out any) (bool, error) { return member(u.members, name, out) }

// String names the person; the other claims may be none of a log's business.
func (u UserInfo) String() string { return fmt.Sprintf("UserInfo{subject %q}", u.Subject) }

// Format implements fmt.Formatter: no verb shows the other claims.
func (u UserInfo) Format(f fmt.State, _ rune) { formatRedacted(f, u.String()) }

// LogValue implements slog.LogValuer.
func (u UserInfo) LogValue() slog.Value { return slog.StringValue(u.String()) }

const (
	opIntrospect = "introspection"
	opUserInfo   = "userinfo"
)

// Introspect asks the server about a token (RFC 7662). hint is "access_token", "refresh_token" or empty. It blocks until the server has answered or ctx ends,
// and gives an *Error, or errors.ErrUnsupported where the server has no such endpoint.
func (c *Client) Introspect(ctx context.Context, token, hint string) (Introspection, error) {
	if ctx == nil {
		return Introspection{}, errNilContext
	}
	to, _, err := c.endpointOf(ctx, opIntrospect, func(s Server) string { return s.IntrospectionURL })
	if err != nil {
		return Introspection{}, err
	}
	params := form("token", token)
	if hint != "" {
		params.Set("token_type_hint", hint)
	}
	var raw json.RawMessage
	if err := c.postTo(ctx, opIntrospect, to, c.revocationAuth, params, &raw); err != nil {
		return Introspection{}, err
	}
	var answer struct {
		Active   bool        `json:"active"`
		Scope    string      `json:"scope"`
		ClientID string      `json:"client_id"`
		Username string      `json:"username"`
		Subject  string      `json:"sub"`
		Expiry   wire.Number `json:"exp"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return Introspection{}, &Error{Op: opIntrospect, cause: errors.New("the answer is not that of RFC 7662")}
	}
	i := Introspection{
		Active: answer.Active, Scope: answer.Scope, ClientID: answer.ClientID, Username: answer.Username, Subject: answer.Subject, members: string(raw),
	}
	if answer.Expiry > 0 {
		i.Expiry = wall(time.Unix(int64(answer.Expiry), 0))
	}
	return i, nil
}

// UserInfo asks who the person is that an access token was issued for (OpenID Connect Core §5.3). It blocks until the server has answered or ctx ends, and
// gives an *Error, or errors.ErrUnsupported where the server has no such endpoint, or answers with a signed document.
func (c *Client) UserInfo(ctx context.Context, accessToken string) (UserInfo, error) {
	if ctx == nil {
		return UserInfo{}, errNilContext
	}
	to, _, err := c.endpointOf(ctx, opUserInfo, func(s Server) string { return s.UserInfoURL })
	if err != nil {
		return UserInfo{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	answer, failure := c.getUserInfo(ctx, to, accessToken, "")
	if nonce := answer.Header.Get(headerNonce); failure == nil && answer.Status == http.StatusUnauthorized && nonce != "" && c.proof != nil {
		answer, failure = c.getUserInfo(ctx, to, accessToken, nonce)
	}
	if failure != nil {
		return UserInfo{}, failed(opUserInfo, failure)
	}
	if answer.Status != http.StatusOK {
		e := &Error{Op: opUserInfo, StatusCode: answer.Status}
		for _, challenge := range wire.ReadChallenges(answer.Header.Values("WWW-Authenticate")) {
			said := func(name string) string {
				return printable(strings.ReplaceAll(challenge.Params[name], accessToken, "[redacted]"))
			}
			e.Code, e.Description = Code(said("error")), said("error_description")
		}
		return UserInfo{}, e
	}
	var claims struct {
		Subject string `json:"sub"`
		Email   string `json:"email"`
	}
	if err := json.Unmarshal(answer.Body, &claims); err != nil || claims.Subject == "" {
		return UserInfo{}, refuse(opUserInfo, "the answer is not a JSON object with a sub: %w", errors.ErrUnsupported)
	}
	return UserInfo{Subject: claims.Subject, Email: claims.Email, members: string(answer.Body)}, nil
}

func (c *Client) getUserInfo(ctx context.Context, to, accessToken, nonce string) (wire.Answer, *wire.Failure) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, nil)
	if err != nil {
		return wire.Answer{}, &wire.Failure{Cause: errors.New("the endpoint is not a usable URL")}
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Authorization", schemeBearer+" "+accessToken)
	if prover := proverOf(ctx, c.proof); prover != nil {
		proof, err := prover.Proof(ctx, ProofRequest{Method: http.MethodGet, URL: to, AccessToken: accessToken, Nonce: nonce})
		if err != nil {
			return wire.Answer{}, &wire.Failure{Cause: err}
		}
		req.Header.Set("Authorization", schemeDPoP+" "+accessToken)
		req.Header.Set(schemeDPoP, proof)
	}
	answer, failure := wire.Do(c.wire, req)
	c.learn(to, answer.Header)
	return answer, failure
}
