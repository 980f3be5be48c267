package oauth2grant

import (
	"context"
	"errors"
)

// Revoke revokes one token (RFC 7009). hint is "access_token", "refresh_token"
// or empty. A token that the server does not know, or no longer, counts as
// revoked. It blocks until the server has answered or ctx ends. The error is an
// [*Error]; it wraps [errors.ErrUnsupported] where the server has no such
// endpoint.
func (c *Client) Revoke(ctx context.Context, token, hint string) error {
	if ctx == nil {
		return errNilContext
	}
	if token == "" {
		return refuse(OpRevocation, "there is no token")
	}
	to, _, err := c.endpointOf(ctx, OpRevocation, func(s Server) string { return s.RevocationURL })
	if err != nil {
		return err
	}
	params := form("token", token)
	if hint != "" {
		params.Set("token_type_hint", hint)
	}
	err = c.postTo(ctx, OpRevocation, to, c.revocationAuth, params, nil)
	if e, ok := errors.AsType[*Error](err); ok && e.kind() == kindDead {
		return nil // RFC 7009 §2.2 wants a success for it, not every server has read that
	}
	return err
}
