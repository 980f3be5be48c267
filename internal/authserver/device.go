package authserver

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
)

// strategy adds to Fosite's what RFC 8628 §3.5 asks for: slow_down for a poll
// before its time, expired_token for one too late.
type strategy struct {
	*compose.CommonStrategy
	store    *store
	interval time.Duration
	polled   map[string]time.Time // by device code
}

// ShouldRateLimit runs before Fosite looks at a poll, and its error is the
// answer.
func (s *strategy) ShouldRateLimit(ctx context.Context, deviceCode string) (bool, error) {
	now := time.Now()
	tolerance := s.interval / 10 // of two requests that were a moment longer or shorter on the way
	early := now.Sub(s.polled[deviceCode]) < s.interval-tolerance
	s.polled[deviceCode] = now

	signature, err := s.DeviceCodeSignature(ctx, deviceCode)
	if err != nil {
		return false, err
	}
	if req, err := s.store.GetDeviceCodeSession(ctx, signature, nil); err == nil && expired(req) {
		return false, fosite.ErrDeviceExpiredToken
	}
	return early, nil
}

func expired(req fosite.DeviceRequester) bool {
	return !time.Now().Before(req.GetSession().GetExpiresAt(fosite.DeviceCode))
}

func (s *Server) deviceAuthorization(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	req, err := s.oauth.NewDeviceRequest(ctx, r)
	if err != nil {
		s.oauth.WriteAccessError(ctx, w, req, err)
		return
	}
	res, err := s.oauth.NewDeviceResponse(ctx, req, s.session(""))
	if err != nil {
		s.oauth.WriteAccessError(ctx, w, req, err)
		return
	}
	s.oauth.WriteDeviceResponse(ctx, w, req, res)
}

// devicePage is where a person types the user code, then signs in.
func (s *Server) devicePage(w http.ResponseWriter, r *http.Request) {
	typed := r.Form.Get("user_code")
	req, ok := s.pendingDevice(r.Context(), typed)
	if !ok {
		status := http.StatusOK
		if typed != "" {
			status = http.StatusNotFound
		}
		show(w, status, "device", devicePage{Typed: typed})
		return
	}
	user, decision := s.signIn(w, r, req)
	switch decision {
	case denied:
		req.SetUserCodeState(fosite.UserCodeRejected)
		showMessage(w, http.StatusOK, "Device refused", "It gets no access. You can close this page.")
	case allowed:
		s.acceptDevice(r.Context(), req, user)
		showMessage(w, http.StatusOK, "Device connected", "You can close this page and go back to your device.")
	}
}

// pendingDevice finds the request of a user code that nobody has decided on.
func (s *Server) pendingDevice(ctx context.Context, typed string) (fosite.DeviceRequester, bool) {
	code := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
	signature, err := s.codes.UserCodeSignature(ctx, code)
	if err != nil {
		return nil, false
	}
	req, err := s.store.GetDeviceCodeSession(ctx, signature, nil)
	if err != nil || expired(req) || req.GetUserCodeState() != fosite.UserCodeUnused {
		return nil, false
	}
	return req, true
}

func (s *Server) acceptDevice(ctx context.Context, req fosite.DeviceRequester, user string) {
	grantWhatWasAsked(req)
	session := s.session(user)
	for _, kind := range []fosite.TokenType{fosite.DeviceCode, fosite.UserCode} {
		session.SetExpiresAt(kind, req.GetSession().GetExpiresAt(kind))
	}
	req.SetSession(session)
	req.SetUserCodeState(fosite.UserCodeAccepted)
	s.store.allowIDToken(ctx, req)
}
