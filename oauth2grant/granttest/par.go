package granttest

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"time"
)

const pushedLifetime = time.Minute

// pushedRequest waits for its authorization request, which uses it up.
type pushedRequest struct {
	form   url.Values
	expiry time.Time
}

// push is RFC 9126 §2. A proof in the request binds the code to its key (RFC
// 9449 §10.1).
func (s *Server) push(c *call) (answer, error) {
	client, err := s.authenticate(c)
	if err != nil {
		return answer{}, err
	}
	if c.form.Has("request_uri") {
		return answer{}, refuse("invalid_request", "request_uri cannot be pushed")
	}
	key, err := s.proof(c, "")
	if err != nil {
		return answer{}, err
	}
	form := maps.Clone(c.form)
	form.Set("client_id", client.ID)
	if named := form.Get("dpop_jkt"); key != "" && named != "" && named != key {
		return answer{}, refuse("invalid_dpop_proof", "the proof is made with another key than dpop_jkt names")
	} else if key != "" {
		form.Set("dpop_jkt", key)
	}
	if _, err := s.authorization(form); err != nil {
		return answer{}, err
	}
	uri := "urn:ietf:params:oauth:request_uri:" + rand.Text()
	s.pushed[uri] = &pushedRequest{form, time.Now().Add(pushedLifetime)}
	a := reply(map[string]any{"request_uri": uri, "expires_in": int64(pushedLifetime / time.Second)})
	a.status = http.StatusCreated
	return a, nil
}

// asked is the authorization request that a browser brings.
func (s *Server) asked(form url.Values) (authorization, error) {
	if s.cfg.RequirePAR && !form.Has("request_uri") {
		return authorization{}, refuse("invalid_request", "the request must be pushed (RFC 9126)")
	}
	return s.authorization(form)
}
