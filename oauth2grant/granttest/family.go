package granttest

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"
)

// family is one authorization and everything issued on it, at first and by
// refreshing. It dies as one.
type family struct {
	client    string
	user      string // empty: the client itself
	scope     string
	dead      bool
	began     time.Time // when the first token of it was issued
	key       string    // the thumbprint of what it is bound to (RFC 9449); empty: nothing
	oidcNonce string    // of the authorization request, for the ID token; empty: none
}

type token struct {
	*family
	refresh bool
	scope   string
	issued  time.Time
	expiry  time.Time // zero: never
	rotated time.Time // of a refresh token: when it was replaced; zero: it was not
}

func (t *token) active() bool {
	return t != nil && !t.dead && t.rotated.IsZero() && !expired(t.expiry)
}

func (s *Server) mint(f *family, refresh bool, scope string) string {
	t := &token{family: f, refresh: refresh, scope: scope, issued: time.Now()}
	if f.began.IsZero() {
		f.began = t.issued
	}
	value, lifetime := "access-"+rand.Text(), s.cfg.Lifetime
	if refresh {
		value, lifetime = "refresh-"+rand.Text(), s.refreshLifetime(f, t.issued)
	}
	if lifetime > 0 {
		t.expiry = t.issued.Add(lifetime)
	}
	s.tokens[value] = t
	return value
}

// refreshLifetime is that of a refresh token issued at now; zero: it never
// expires.
func (s *Server) refreshLifetime(f *family, now time.Time) time.Duration {
	lifetime := s.cfg.RefreshLifetime
	if s.cfg.SessionLifetime == 0 {
		return lifetime
	}
	left := max(s.cfg.SessionLifetime-now.Sub(f.began), 1)
	if lifetime == 0 {
		return left
	}
	return min(lifetime, left)
}

// tokenAnswer is the answer of RFC 6749 §5.1.
func (s *Server) tokenAnswer(f *family, scope string, refresh bool) answer {
	first := f.began.IsZero()
	members := map[string]any{"access_token": s.mint(f, false, scope), "token_type": "Bearer"}
	if s.cfg.Lifetime > 0 {
		members["expires_in"] = int64(s.cfg.Lifetime / time.Second)
	}
	if scope != "" {
		members["scope"] = scope
	}
	if refresh {
		members["refresh_token"] = s.mint(f, true, f.scope)
		if lifetime := s.refreshLifetime(f, time.Now()); lifetime > 0 {
			members["refresh_token_expires_in"] = int64(lifetime / time.Second)
		}
	}
	s.addIDToken(members, f, first)
	return reply(members)
}

// firstAnswer is that to a grant, which founds the family.
func (s *Server) firstAnswer(f *family, grantType string) answer {
	return s.tokenAnswer(f, f.scope, slices.Contains(s.cfg.RefreshFor, grantType))
}

// Issue issues an access token and a refresh token, as if by a grant of the
// client on behalf of user (empty: itself). expiresIn is zero where tokens
// never expire. It panics when there is no such client.
func (s *Server) Issue(
	clientID, user string, scopes ...string,
) (accessToken, refreshToken string, expiresIn time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.cfg.client(clientID); !ok {
		panic(fmt.Sprintf("granttest: Issue: Config.Clients has no %q", clientID))
	}
	f := &family{client: clientID, user: user, scope: strings.Join(scopes, " ")}
	return s.mint(f, false, f.scope), s.mint(f, true, f.scope), max(s.cfg.Lifetime, 0)
}

// RevokeToken revokes an access or refresh token, and with it all that was ever
// issued on the same authorization, as an operator would. Unknown tokens are
// ignored.
func (s *Server) RevokeToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tokens[token]; t != nil {
		t.dead = true
	}
}

// Active reports whether an access or refresh token is known, not revoked, not
// expired and not rotated away.
func (s *Server) Active(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[token].active()
}

// ReuseDetected returns how many times a rotated refresh token came back, after
// its grace, and took its family with it.
func (s *Server) ReuseDetected() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reused
}
