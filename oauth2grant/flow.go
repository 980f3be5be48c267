package oauth2grant

import (
	"context"
	"net/url"
)

// Flow obtains a token when there is none that could be refreshed. It is a
// small value: [ClientCredentials], [AuthCode], [DeviceCode], [Password],
// [JWTBearer], [TokenExchange] or [RefreshOnly], or one of your own, which
// needs these two methods. A Flow is safe for concurrent use.
type Flow interface {
	// Run obtains a token by requests that c makes. It must return when ctx
	// ends. It may call other grants, but not the one it runs for.
	Run(ctx context.Context, c *Client) (Token, error)
	// Interactive reports whether Run needs a person. Such a flow is never run
	// in the background.
	Interactive() bool
}

// RefreshOnly is the [Flow] for a token that was obtained elsewhere: it only
// ever refreshes, and asks nobody. When the refresh token is gone or refused,
// calls return [ErrLoginRequired] until [Grant.SetToken], or another process
// that shares the [Store], brings a new one.
type RefreshOnly struct{}

// Run returns [ErrLoginRequired].
func (RefreshOnly) Run(context.Context, *Client) (Token, error) { return Token{}, ErrLoginRequired }

// Interactive returns false.
func (RefreshOnly) Interactive() bool { return false }

// form makes the parameters of a request from pairs of name and value.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}
