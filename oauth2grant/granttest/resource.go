package granttest

import (
	"net/http"
	"strings"
)

// bearer is the token of a request to a protected resource (RFC 6750 §2.1, §3;
// RFC 9449 §7).
func (s *Server) bearer(c *call) (*token, error) {
	scheme, value, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	proving := strings.EqualFold(scheme, "DPoP")
	if !proving && !strings.EqualFold(scheme, "Bearer") {
		return nil, &Refusal{Status: http.StatusUnauthorized}
	}
	t := s.tokens[value]
	if !t.active() || t.refresh {
		return nil, &Refusal{
			http.StatusUnauthorized, "invalid_token", "the access token is unknown, expired or revoked",
		}
	}
	if !proving && t.key == "" {
		return t, nil
	}
	key, err := s.proof(c, value)
	if err != nil {
		return nil, err
	}
	if !proving || t.key == "" || t.key != key {
		return nil, &Refusal{
			http.StatusUnauthorized, "invalid_token", "the access token is bound to another key, or to none",
		}
	}
	return t, nil
}

func (s *Server) resource(c *call) (answer, error) {
	t, err := s.bearer(c)
	if err != nil {
		return answer{}, err
	}
	if err := s.sufficient(c, t); err != nil {
		return answer{}, err
	}
	return reply(map[string]any{"user": t.user, "client_id": t.client, "scope": t.scope}), nil
}

// userInfo is OpenID Connect Core §5.3.
func (s *Server) userInfo(c *call) (answer, error) {
	t, err := s.bearer(c)
	if err != nil {
		return answer{}, err
	}
	if t.user == "" {
		return answer{}, &Refusal{http.StatusForbidden, "insufficient_scope", "the token stands for no person"}
	}
	return reply(map[string]any{"sub": t.user, "email": t.user + "@granttest.example"}), nil
}
