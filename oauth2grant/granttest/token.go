package granttest

import (
	"slices"
	"strings"
	"time"
)

// issue is what the token endpoint does, proofs aside.
func (s *Server) issue(c *call) (answer, error) {
	client, err := s.authenticate(c)
	if err != nil {
		return answer{}, err
	}
	switch grant := c.form.Get("grant_type"); grant {
	case grantClientCredentials:
		return s.clientCredentials(client, c)
	case grantPassword:
		return s.password(client, c)
	case grantRefreshToken:
		return s.refresh(client, c)
	case grantAuthorizationCode:
		return s.redeem(client, c)
	case grantDeviceCode:
		return s.poll(client, c)
	case grantJWTBearer:
		return s.bearerGrant(client, c)
	case grantTokenExchange:
		return s.tokenExchange(client, c)
	case "":
		return answer{}, refuse("invalid_request", "grant_type is missing")
	default:
		return answer{}, refuse("unsupported_grant_type", "not one of those in the metadata")
	}
}

func (s *Server) clientCredentials(client caller, c *call) (answer, error) {
	if !client.proven {
		return answer{}, refuse("unauthorized_client", "a public client has no credentials (RFC 6749 §4.4)")
	}
	f := &family{client: client.ID, scope: scopeOf(c)}
	return s.firstAnswer(f, grantClientCredentials), nil
}

func (s *Server) password(client caller, c *call) (answer, error) {
	user := c.form.Get("username")
	if !c.form.Has("username") || !c.form.Has("password") {
		return answer{}, refuse("invalid_request", "username or password is missing")
	}
	if password, ok := s.cfg.Users[user]; !ok || password != c.form.Get("password") {
		return answer{}, refuse("invalid_grant", "wrong username or password")
	}
	f := &family{client: client.ID, user: user, scope: scopeOf(c)}
	return s.firstAnswer(f, grantPassword), nil
}

// refresh is RFC 6749 §6 with the rotation of RFC 9700 §4.14.2.
func (s *Server) refresh(client caller, c *call) (answer, error) {
	if !c.form.Has("refresh_token") {
		return answer{}, refuse("invalid_request", "refresh_token is missing")
	}
	t := s.tokens[c.form.Get("refresh_token")]
	if t == nil || !t.usableBy(client) || !t.refresh {
		return answer{}, refuse("invalid_grant", "the refresh token is unknown, revoked or another client's")
	}
	again := !t.rotated.IsZero()
	if again && time.Since(t.rotated) >= s.cfg.Grace {
		t.dead = true
		s.reused++
		return answer{}, refuse("invalid_grant", "the refresh token was used before: all its descendants are revoked")
	}
	if expired(t.expiry) {
		return answer{}, refuse("invalid_grant", "the refresh token has expired")
	}
	scope := t.family.scope
	if c.form.Get("scope") != "" {
		scope = scopeOf(c)
		if !within(scope, t.family.scope) {
			return answer{}, refuse("invalid_scope", "wider than what was granted")
		}
	}
	if !s.cfg.KeepRefreshTokens && !again {
		t.rotated = time.Now()
	}
	return s.tokenAnswer(t.family, scope, !s.cfg.KeepRefreshTokens), nil
}

func (f *family) usableBy(client caller) bool { return !f.dead && f.client == client.ID }

func scopeOf(c *call) string { return strings.Join(strings.Fields(c.form.Get("scope")), " ") }

func within(scope, granted string) bool {
	all := strings.Fields(granted)
	return !slices.ContainsFunc(strings.Fields(scope), func(one string) bool { return !slices.Contains(all, one) })
}
