package granttest

import "net/http"

// revoke is RFC 7009: a refresh token takes its family along, an access token
// goes alone.
func (s *Server) revoke(c *call) (answer, error) {
	client, err := s.authenticate(c)
	if err != nil {
		return answer{}, err
	}
	value := c.form.Get("token")
	if value == "" {
		return answer{}, refuse("invalid_request", "token is missing")
	}
	t := s.tokens[value]
	switch {
	case t == nil:
	case t.client != client.ID:
		return answer{}, refuse("invalid_grant", "the token is another client's")
	case t.refresh:
		t.dead = true
	default:
		delete(s.tokens, value)
	}
	return answer{status: http.StatusOK}, nil
}

// introspect is RFC 7662. Any client with credentials may ask about any token.
func (s *Server) introspect(c *call) (answer, error) {
	client, err := s.authenticate(c)
	if err != nil {
		return answer{}, err
	}
	if !client.proven {
		return answer{}, invalidClient("introspection is not for public clients")
	}
	if c.form.Get("token") == "" {
		return answer{}, refuse("invalid_request", "token is missing")
	}
	t := s.tokens[c.form.Get("token")]
	if !t.active() {
		return reply(map[string]any{"active": false}), nil
	}
	members := map[string]any{"active": true, "client_id": t.client, "iat": t.issued.Unix(), "iss": s.cfg.Issuer}
	if t.user != "" {
		members["username"], members["sub"] = t.user, t.user
	} else {
		members["sub"] = t.client
	}
	if t.scope != "" {
		members["scope"] = t.scope
	}
	if !t.refresh {
		members["token_type"] = "Bearer"
	}
	if !t.expiry.IsZero() {
		members["exp"] = t.expiry.Unix()
	}
	return reply(members), nil
}
