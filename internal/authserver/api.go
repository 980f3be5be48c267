package authserver

import (
	"context"
	"net/http"
	"time"

	"github.com/ory/fosite"
)

// bearer checks the access token of a request to a protected resource, and
// answers 401 without one (RFC 6750 §3).
func (s *Server) bearer(w http.ResponseWriter, r *http.Request) (fosite.AccessRequester, bool) {
	if r.Header.Get("Authorization") == "" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="orders"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "unauthorized"})
		return nil, false
	}
	s.step.Lock()
	defer s.step.Unlock()
	use, ar, err := s.oauth.IntrospectToken(context.WithoutCancel(r.Context()), fosite.AccessTokenFromRequest(r), fosite.AccessToken, s.session(""))
	if err != nil || use != fosite.AccessToken {
		w.Header().Set("WWW-Authenticate", `Bearer realm="orders", error="invalid_token", error_description="The access token is expired, revoked or unknown"`)
		writeJSON(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return nil, false
	}
	return ar, true
}

// api is the protected resource: orders, or anything else by name.
func (s *Server) api(w http.ResponseWriter, r *http.Request) {
	token, ok := s.bearer(w, r)
	if !ok {
		return
	}
	answer := map[string]any{
		"resource": r.PathValue("resource"),
		"client":   token.GetClient().GetID(),
		"expires":  token.GetSession().GetExpiresAt(fosite.AccessToken).Format(time.RFC3339),
	}
	if user := token.GetSession().GetSubject(); user != "" {
		answer["user"] = user
	}
	if r.PathValue("resource") == "orders" {
		answer["orders"] = []map[string]any{
			{"id": 1001, "item": "teapot", "quantity": 1},
			{"id": 1002, "item": "pocket watch", "quantity": 2},
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

// userInfo answers OpenID Connect Core §5.3.
func (s *Server) userInfo(w http.ResponseWriter, r *http.Request) {
	token, ok := s.bearer(w, r)
	if !ok {
		return
	}
	if !token.GetGrantedScopes().Has("openid") {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="openid"`)
		writeJSON(w, http.StatusForbidden, map[string]string{"error": "insufficient_scope"})
		return
	}
	user := token.GetSession().GetSubject()
	writeJSON(w, http.StatusOK, map[string]any{
		"sub": user, "name": user, "email": user + "@example.test", "email_verified": true,
	})
}
