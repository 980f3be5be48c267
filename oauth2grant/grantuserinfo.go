package oauth2grant

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// UserInfo asks who the person is that the token of the grant was issued for
// (OpenID Connect Core §5.3). It waits for an active token and for the answer,
// on ctx. Like [Grant.Transport] it takes a refusal of the token, by a 401 or by
// the error code invalid_token, for the end of that token, renews it once and
// asks once more.
//
// The error is that of [Grant.EnsureActiveToken] or of [Client.UserInfo]. One
// with the code insufficient_user_authentication wraps a [*StepUpError].
func (g *Grant) UserInfo(ctx context.Context) (UserInfo, error) {
	s, err := g.active(ctx)
	if err != nil {
		return UserInfo{}, err
	}
	u, err := g.client.UserInfo(ctx, s.Value.token.AccessToken)
	if !refusesToken(err) || !g.mayRenew(s) {
		return u, err
	}
	if s, err = g.active(ctx); err != nil {
		return UserInfo{}, err
	}
	return g.client.UserInfo(ctx, s.Value.token.AccessToken)
}

// refusesToken reports whether err is the answer to a request whose access
// token is no good any more.
func refusesToken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Code {
	case InvalidToken, ExpiredToken:
		return true
	case InsufficientScope, InsufficientUserAuthentication, UseDPoPNonce:
		return false
	default:
		return e.StatusCode == http.StatusUnauthorized
	}
}

// userInfoRefused returns the error that an answer about a person stands for,
// nil if it is none. The code is that of a challenge (RFC 6750 §3) or else, as
// many servers have it, a member of the body, whatever the status.
func userInfoRefused(answer wire.Answer, accessToken string) *Error {
	said := func(s string) string { return printable(strings.ReplaceAll(s, accessToken, "[redacted]")) }
	e := &Error{Op: opUserInfo, StatusCode: answer.Status}
	for _, c := range tokenChallenges(answer.Header) {
		if e.Code = Code(said(c.Params["error"])); e.Code == "" {
			continue
		}
		e.Description = said(c.Params["error_description"])
		if e.Code == InsufficientUserAuthentication {
			c.Params["error_description"] = e.Description
			e.cause = stepUp(c)
		}
		return e
	}
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if json.Unmarshal(answer.Body, &body) == nil {
		e.Code, e.Description = Code(said(body.Error)), said(body.Description)
	}
	if answer.Status == http.StatusOK && e.Code == "" {
		return nil
	}
	return e
}
