package authserver

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/ory/fosite"
)

// authorize shows the sign-in form, and answers it with a redirect to the
// client.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	w = issuerWriter{w, s.issuer}
	ar, err := s.oauth.NewAuthorizeRequest(ctx, r)
	if err != nil {
		s.refuseAuthorization(w, r, ar, err)
		return
	}
	user, decision := s.signIn(w, r, ar)
	switch decision {
	case undecided:
		return
	case denied:
		s.refuseAuthorization(w, r, ar, fosite.ErrAccessDenied)
		return
	}
	grantWhatWasAsked(ar)
	res, err := s.oauth.NewAuthorizeResponse(ctx, ar, s.session(user))
	if err != nil {
		s.refuseAuthorization(w, r, ar, err)
		return
	}
	s.store.forgetPushed(ctx, r.Form.Get("request_uri"))
	s.oauth.WriteAuthorizeResponse(ctx, w, ar, res)
}

// refuseAuthorization tells the client, or the person if there is no redirect
// URI to be trusted (RFC 6749 §4.1.2.1).
func (s *Server) refuseAuthorization(w http.ResponseWriter, r *http.Request, ar fosite.AuthorizeRequester, err error) {
	s.store.forgetPushed(r.Context(), r.Form.Get("request_uri"))
	if ar.IsRedirectURIValid() {
		s.oauth.WriteAuthorizeError(r.Context(), w, ar, err)
		return
	}
	rfc := fosite.ErrorToRFC6749Error(err)
	showMessage(w, rfc.CodeField, "This sign-in cannot start", rfc.GetDescription())
}

// par answers RFC 9126.
func (s *Server) par(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	ar, err := s.oauth.NewPushedAuthorizeRequest(ctx, r)
	if err != nil {
		s.oauth.WritePushedAuthorizeError(ctx, w, ar, err)
		return
	}
	res, err := s.oauth.NewPushedAuthorizeResponse(ctx, ar, s.session(""))
	if err != nil {
		s.oauth.WritePushedAuthorizeError(ctx, w, ar, err)
		return
	}
	s.oauth.WritePushedAuthorizeResponse(ctx, w, ar, res)
}

type decision int

const (
	undecided decision = iota // a page was written
	allowed
	denied
)

// signIn asks who is there and whether the client may have what it asks for:
// one form for both.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, asked fosite.Requester) (user string, d decision) {
	if name, ok := strings.CutPrefix(r.Form.Get("login_hint"), "auto:"); ok {
		if _, known := s.store.Users[name]; known {
			return name, allowed
		}
	}
	page := signInPage{
		Action: r.URL.RequestURI(),
		Client: asked.GetClient().GetID(),
		Scopes: asked.GetRequestedScopes(),
		Device: r.URL.Path == "/device",
		Code:   r.Form.Get("user_code"),
	}
	if r.PostForm.Get("deny") != "" {
		return "", denied
	}
	status := http.StatusOK
	if r.PostForm.Has("login") {
		page.Login = r.PostForm.Get("login")
		if name, err := s.store.Authenticate(r.Context(), page.Login, r.PostForm.Get("password")); err == nil {
			return name, allowed
		}
		page.Wrong, status = true, http.StatusUnauthorized
	}
	show(w, status, "sign-in", page)
	return "", undecided
}

// issuerWriter adds the issuer to every redirect, refusals included (RFC 9207).
type issuerWriter struct {
	http.ResponseWriter
	issuer string
}

func (w issuerWriter) WriteHeader(status int) {
	if u, err := url.Parse(w.Header().Get("Location")); err == nil && u.Host != "" {
		q := u.Query()
		q.Set("iss", w.issuer)
		u.RawQuery = q.Encode()
		w.Header().Set("Location", u.String())
	}
	w.ResponseWriter.WriteHeader(status)
}
