package oauth2grant

import "context"

// ClientCredentials is the client credentials grant (RFC 6749 §4.4): the client
// acts for itself. Should the server issue a refresh token, against the
// specification, it is used; when it is refused or missing the grant is run
// again.
type ClientCredentials struct{}

// Run makes one token request.
func (ClientCredentials) Run(ctx context.Context, c *Client) (Token, error) {
	return c.RequestToken(ctx, form("grant_type", "client_credentials"))
}

// Interactive returns false.
func (ClientCredentials) Interactive() bool { return false }

func (ClientCredentials) op() string { return OpClientCredentials }
