package granttest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"time"
)

// Approve is a user who approves the authorization request at authURL. It
// returns the redirect URI with code, state and iss in its query, whatever
// response_mode the request asked for. A request that is not acceptable gets a
// *[Refusal], as does a user that [Config.Users] does not have. It is not
// logged, and takes no fault.
func (s *Server) Approve(authURL, user string) (callback string, err error) {
	return s.decide(authURL, func(a authorization) (url.Values, error) { return s.approve(a, user) })
}

// Deny is a user who denies the authorization request at authURL. It returns
// the redirect URI with error, state and iss in its query. A request that is
// not acceptable gets a *[Refusal].
func (s *Server) Deny(authURL string) (callback string, err error) {
	return s.decide(authURL, func(a authorization) (url.Values, error) { return s.deny(a), nil })
}

func (s *Server) decide(authURL string, how func(authorization) (url.Values, error)) (string, error) {
	u, err := url.Parse(authURL)
	if err != nil {
		return "", errors.New("granttest: the authorization URL cannot be parsed")
	}
	c := &call{endpoint: Authorize}
	c.form, c.formErr = url.ParseQuery(u.RawQuery)
	s.mu.Lock()
	defer s.mu.Unlock()
	if endpoint := s.endpoint(u.Path); endpoint != Authorize {
		return "", fmt.Errorf("granttest: %s is not the authorization endpoint", u.Path)
	}
	if err := c.wellFormed(false); err != nil {
		return "", err
	}
	a, err := s.asked(c.form)
	if err != nil {
		return "", err
	}
	values, err := how(a)
	if err != nil {
		return "", err
	}
	return s.callback(a, values), nil
}

func (s *Server) approve(a authorization, user string) (url.Values, error) {
	if _, ok := s.cfg.Users[user]; !ok {
		return nil, refuse("access_denied", "no such user")
	}
	delete(s.pushed, a.requestURI)
	value := "code-" + rand.Text()
	s.codes[value] = &code{authorization: a, user: user, expiry: time.Now().Add(codeLifetime)}
	return url.Values{"code": {value}}, nil
}

func (s *Server) deny(a authorization) url.Values {
	delete(s.pushed, a.requestURI)
	return refusalValues(refuse("access_denied", "the user said no"))
}

func refusalValues(err error) url.Values {
	var refusal *Refusal
	errors.As(err, &refusal)
	return url.Values{"error": {refusal.Code}, "error_description": {refusal.Description}}
}

// responseValues completes an authorization response with what goes into each
// (RFC 6749 §4.1.2, RFC 9207).
func (s *Server) responseValues(a authorization, values url.Values) url.Values {
	values = maps.Clone(values)
	values.Set("iss", s.cfg.Issuer)
	if a.state != "" {
		values.Set("state", a.state)
	}
	return values
}

func (s *Server) callback(a authorization, values url.Values) string {
	u, err := url.Parse(a.redirectURI)
	if err != nil {
		panic("granttest: an unparsable redirect URI was accepted")
	}
	query := u.Query()
	maps.Copy(query, s.responseValues(a, values))
	u.RawQuery = query.Encode()
	return u.String()
}
