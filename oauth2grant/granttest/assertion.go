package granttest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// signedByClient checks a client assertion of RFC 7523 §2.2 that the client
// itself has signed, with its private key or its secret, as the successor of
// RFC 7523 wants it: the audience is the issuer alone, unless
// [Client.Audience] says otherwise, and no assertion is taken twice.
func (s *Server) signedByClient(id, assertion string) (string, error) {
	if id == "" {
		return "", errors.New("client_id is missing")
	}
	client, ok := s.cfg.client(id)
	if !ok {
		return "", errors.New("no such client")
	}
	algorithms, pick := asymmetric, pickFrom(client.Keys)
	if client.Keys == "" {
		algorithms = []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}
		pick = func(jose.Header) (any, error) {
			if client.public() {
				return nil, errors.New("the client has neither keys nor a secret")
			}
			return []byte(client.Secret), nil
		}
	}
	j, err := verifyJWT(assertion, algorithms, pick)
	if err != nil {
		return "", err
	}
	audience, typ := s.cfg.Issuer, "client-authentication+jwt"
	if client.Audience != "" {
		audience, typ = client.Audience, "JWT"
	}
	switch {
	case j.text("iss") != id || j.text("sub") != id:
		return "", errors.New("iss and sub are not the client")
	case j.text("aud") != audience:
		return "", fmt.Errorf("aud is %v, not %q alone", j.claims["aud"], audience)
	case !strings.EqualFold(j.typ, typ):
		return "", fmt.Errorf("typ is %q, not %q", j.typ, typ)
	}
	if err := j.current(); err != nil {
		return "", err
	}
	return id, s.once(j)
}

// once refuses a JWT whose jti was here before.
func (s *Server) once(j signedJWT) error {
	id := j.text("jti")
	if id == "" {
		return errors.New("jti is missing")
	}
	if s.spent[id] {
		return errors.New("its jti was used before")
	}
	if s.spent == nil {
		s.spent = map[string]bool{}
	}
	s.spent[id] = true
	return nil
}
