package authserver

import (
	"net/http"
	"net/url"
	"time"

	"github.com/ory/fosite"
)

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	req, err := s.oauth.NewAccessRequest(ctx, r, s.session(""))
	if err == nil {
		if g := req.GetGrantTypes(); g.ExactOne("client_credentials") || g.ExactOne("password") {
			grantWhatWasAsked(req)
		}
		var res fosite.AccessResponder
		if res, err = s.oauth.NewAccessResponse(ctx, req); err == nil {
			s.report(r, nil)
			s.oauth.WriteAccessResponse(ctx, w, req, res)
			return
		}
	}
	s.report(r, err)
	s.oauth.WriteAccessError(ctx, w, req, err)
}

// report counts and logs the outcome of a token request; err is nil for
// success.
func (s *Server) report(r *http.Request, err error) {
	e := Event{
		Time: time.Now(), Path: r.URL.Path, Status: http.StatusOK,
		GrantType: r.PostForm.Get("grant_type"), ClientID: claimedClient(r),
	}
	if err != nil {
		s.stats.refuse()
		rfc := fosite.ErrorToRFC6749Error(err)
		e.Error, e.Status = rfc.ErrorField, rfc.CodeField
	}
	if s.cfg.Log != nil {
		s.cfg.Log(e)
	}
}

func claimedClient(r *http.Request) string {
	id, _, basic := r.BasicAuth()
	if !basic {
		return r.PostForm.Get("client_id")
	}
	if decoded, err := url.QueryUnescape(id); err == nil {
		return decoded
	}
	return id
}

// revoke answers RFC 7009.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	s.oauth.WriteRevocationResponse(r.Context(), w, s.oauth.NewRevocationRequest(r.Context(), r))
}

// introspect answers RFC 7662.
func (s *Server) introspect(w http.ResponseWriter, r *http.Request) {
	res, err := s.oauth.NewIntrospectionRequest(r.Context(), r, s.session(""))
	if err != nil {
		s.oauth.WriteIntrospectionError(r.Context(), w, err)
		return
	}
	s.oauth.WriteIntrospectionResponse(r.Context(), w, res)
}
