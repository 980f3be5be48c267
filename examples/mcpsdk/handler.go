// Package mcpsdk lets the official Go SDK of the Model Context Protocol sign in
// by apiauth: one sign-in for any number of sessions and processes.
//
//	transport := &mcp.StreamableClientTransport{Endpoint: api, OAuthHandler: mcpsdk.Handler{Auth: auth}}
package mcpsdk

import (
	"context"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
)

// Handler implements auth.OAuthHandler of the SDK.
type Handler struct{ Auth *apiauth.Auth }

// TokenSource returns the token at hand, or none as long as nobody has signed
// in.
func (h Handler) TokenSource(ctx context.Context) (oauth2.TokenSource, error) {
	t, ok, err := h.Auth.Token(ctx, "")
	if err != nil || !ok {
		return nil, err
	}
	return oauth2.StaticTokenSource(&oauth2.Token{
		AccessToken: t.AccessToken, TokenType: t.TokenType, Expiry: t.Expiry,
	}), nil
}

// Authorize does what the refusal of a request demands.
func (h Handler) Authorize(ctx context.Context, _ *http.Request, res *http.Response) error {
	defer res.Body.Close()
	return h.Auth.Answer(ctx, "", res)
}
