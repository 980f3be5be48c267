package granttest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// caller is a client that has shown who it is.
type caller struct {
	Client
	proven bool // by a secret or an assertion; a public client proves nothing
}

// authenticate is who has sent a request, which is looked into once.
func (s *Server) authenticate(c *call) (caller, error) {
	if c.client != nil {
		return *c.client, nil
	}
	client, err := s.identifyClient(c)
	if err == nil {
		c.client = &client
	}
	return client, err
}

// identifyClient is RFC 6749 §2.3: exactly one method, and none for public
// clients only.
func (s *Server) identifyClient(c *call) (caller, error) {
	id, secret, basic := basicAuth(c.Header)
	posted := c.form.Get("client_secret")
	assertion := c.form.Get("client_assertion")
	methods := 0
	for _, used := range []bool{c.Header.Get("Authorization") != "", posted != "", assertion != ""} {
		if used {
			methods++
		}
	}
	if methods > 1 {
		return caller{}, refuse("invalid_request", "more than one way of client authentication")
	}
	if assertion != "" {
		return s.checkAssertion(c, assertion)
	}
	if !basic {
		if c.Header.Get("Authorization") != "" {
			return caller{}, invalidClient("the Authorization header is not Basic")
		}
		id, secret = c.form.Get("client_id"), posted
	}
	if named := c.form.Get("client_id"); named != "" && named != id {
		return caller{}, refuse("invalid_request", "client_id is not the client that authenticates")
	}
	client, ok := s.cfg.client(id)
	if !ok {
		return caller{}, invalidClient("no such client")
	}
	if client.Secret != secret || client.Keys != "" || expired(client.SecretExpires) {
		return caller{}, invalidClient("wrong client secret, or one that has expired")
	}
	return caller{client, !client.public()}, nil
}

func (s *Server) checkAssertion(c *call, assertion string) (caller, error) {
	if c.form.Get("client_assertion_type") != assertionType {
		return caller{}, refuse("invalid_request", "client_assertion_type must be "+assertionType)
	}
	check := s.cfg.Assertion
	if check == nil {
		check = func(assertion string) (string, error) { return s.signedByClient(c.form.Get("client_id"), assertion) }
	}
	id, err := check(assertion)
	if err != nil {
		return caller{}, invalidClient(err.Error())
	}
	client, ok := s.cfg.client(id)
	if named := c.form.Get("client_id"); !ok || named != "" && named != id {
		return caller{}, invalidClient("the assertion is for another client")
	}
	return caller{client, true}, nil
}

// basicAuth reads id and secret, which are form-encoded (RFC 6749 §2.3.1). One
// that cannot be decoded matches no client.
func basicAuth(h http.Header) (id, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	pair, _ := base64.StdEncoding.DecodeString(encoded)
	id, secret, _ = strings.Cut(string(pair), ":")
	id, idErr := url.QueryUnescape(id)
	secret, secretErr := url.QueryUnescape(secret)
	if idErr != nil || secretErr != nil {
		return "", "", true
	}
	return id, secret, true
}
