package granttest

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// JWKS is the endpoint of the keys that ID tokens are signed with (RFC 7517).
const JWKS Endpoint = "/jwks"

// scopeOpenID asks for an ID token.
const scopeOpenID = "openid"

// jwks answers with the keys.
func (s *Server) jwks(*call) (answer, error) {
	return answer{
		status: http.StatusOK, header: http.Header{"Content-Type": {"application/jwk-set+json"}}, text: s.signer().JWKS(),
	}, nil
}

// signer signs ID tokens. It is made when it is first needed, since a key costs
// more than all else that a server does. s.mu is held.
func (s *Server) signer() *Platform {
	if s.signing == nil {
		s.signing = NewPlatform(s.cfg.Issuer)
	}
	return s.signing
}

// RotateSigningKey makes the server sign ID tokens with another key. Those
// before stay in its JWK Set.
func (s *Server) RotateSigningKey() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signer().RotateKey()
}

// IDToken signs an ID token of user for the client, good for an hour, such as
// the server issues to whoever asks for the scope openid. The extra claims,
// which may be nil, win over the usual ones; a nil value takes one away. With
// [Fault].Edit it takes the place of the one in an answer.
func (s *Server) IDToken(clientID, user string, extra map[string]any) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.idToken(clientID, user, extra)
}

func (s *Server) idToken(clientID, user string, extra map[string]any) string {
	now := time.Now()
	claims := map[string]any{
		"iss": s.cfg.Issuer, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "auth_time": now.Unix(),
	}
	maps.Copy(claims, extra)
	return s.signer().Assertion(user, clientID, claims)
}

// addIDToken adds an ID token to an answer where one was asked for (OpenID
// Connect Core §3.1.3.3). first says that it is that of the sign-in.
func (s *Server) addIDToken(members map[string]any, f *family, first bool) {
	if f.user == "" || !slices.Contains(strings.Fields(f.scope), scopeOpenID) {
		return
	}
	access, _ := members["access_token"].(string)
	sum := sha256.Sum256([]byte(access))
	claims := map[string]any{
		"at_hash":   base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2]),
		"auth_time": f.began.Unix(),
	}
	if first && f.oidcNonce != "" {
		claims["nonce"] = f.oidcNonce
	}
	members["id_token"] = s.idToken(f.client, f.user, claims)
}
