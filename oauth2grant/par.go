package oauth2grant

import (
	"context"
	"errors"
	"net/url"
)

// pushes reports whether an authorization request goes to the server directly,
// and the browser gets no more than a reference to it (RFC 9126).
func (c *Client) pushes(s Server) bool {
	var required bool
	_, err := s.Metadata("require_pushed_authorization_requests", &required)
	return c.push || err == nil && required
}

// pushRequest sends the parameters of an authorization request, authenticated
// and proved as a token request is, and returns what is left for the browser to
// carry (RFC 9126 §2, §4).
func (c *Client) pushRequest(ctx context.Context, s Server, params url.Values) (url.Values, error) {
	if s.PARURL == "" {
		return nil, refuse(OpPushedAuthorization,
			"authorization requests are to be pushed (RFC 9126), but no endpoint for that is known: set "+
				"Server.PARURL: %w", errors.ErrUnsupported)
	}
	var answer struct {
		RequestURI string `json:"request_uri"`
	}
	if err := c.postTo(ctx, OpPushedAuthorization, s.PARURL, c.auth, params, &answer); err != nil {
		return nil, err
	}
	const longest = 2 << 10 // every browser takes a URL with that in it
	if answer.RequestURI == "" || len(answer.RequestURI) > longest {
		return nil, &Error{Op: OpPushedAuthorization, cause: errors.New("the answer has no usable request_uri")}
	}
	return form("client_id", params.Get("client_id"), "request_uri", answer.RequestURI), nil
}
