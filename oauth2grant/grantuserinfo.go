package oauth2grant

import (
	"context"
	"errors"
	"net/http"
)

// UserInfo asks who the person is that the token of the grant was issued for
// (OpenID Connect Core §5.3). It waits for an active token and for the answer,
// on ctx. Like [Grant.Transport] it takes a refusal of the token, by a 401 or
// by the error code invalid_token, for the end of that token, renews it once
// and asks once more.
//
// The error is that of [Grant.EnsureActiveToken] or of [Client.UserInfo]. One
// with the code insufficient_user_authentication wraps a [*StepUpError].
func (g *Grant) UserInfo(ctx context.Context) (UserInfo, error) {
	s, err := g.active(ctx)
	if err != nil {
		return UserInfo{}, err
	}
	u, err := g.client.UserInfo(g.client.withProver(ctx, s.Value.proof), s.Value.token.AccessToken)
	if !refusesToken(err) || !g.invalidate(s.Value.token.AccessToken) {
		return u, err
	}
	if s, err = g.active(ctx); err != nil {
		return UserInfo{}, err
	}
	return g.client.UserInfo(g.client.withProver(ctx, s.Value.proof), s.Value.token.AccessToken)
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
