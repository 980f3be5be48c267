package granttest

const (
	grantJWTBearer     = "urn:ietf:params:oauth:grant-type:jwt-bearer"     //nolint:gosec // a name, no credential
	grantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // a name, no credential

	typeAccessToken = "urn:ietf:params:oauth:token-type:access_token" //nolint:gosec // a name, no credential
)

// bearerGrant is RFC 7523 §2.1.
func (s *Server) bearerGrant(client caller, c *call) (answer, error) {
	subject, err := s.identify(c, "assertion")
	if err != nil {
		return answer{}, err
	}
	return s.firstAnswer(&family{client: client.ID, user: subject, scope: scopeOf(c)}, grantJWTBearer), nil
}

// tokenExchange is RFC 8693. A subject or actor token is an access token of
// this server, or what Config.Identity knows. An answer whose
// requested_token_type is not that of access tokens has the token_type N_A.
func (s *Server) tokenExchange(client caller, c *call) (answer, error) {
	subject, err := s.party(c, "subject_token")
	if err != nil {
		return answer{}, err
	}
	if c.form.Has("actor_token") || c.form.Has("actor_token_type") {
		if _, err := s.party(c, "actor_token"); err != nil {
			return answer{}, err
		}
	}
	a := s.firstAnswer(&family{client: client.ID, user: subject, scope: scopeOf(c)}, grantTokenExchange)
	a.json["issued_token_type"] = typeAccessToken
	if wanted := c.form.Get("requested_token_type"); wanted != "" && wanted != typeAccessToken {
		a.json["issued_token_type"], a.json["token_type"] = wanted, "N_A"
	}
	return a, nil
}

// party is who a token of an exchange stands for.
func (s *Server) party(c *call, name string) (string, error) {
	switch c.form.Get(name + "_type") {
	case "":
		return "", refuse("invalid_request", name+"_type is missing")
	case typeAccessToken:
		t := s.tokens[c.form.Get(name)]
		if t == nil || !t.active() || t.refresh {
			return "", refuse("invalid_request", name+" is unknown, expired or revoked")
		}
		return t.user, nil
	}
	return s.identify(c, name)
}

// identify asks Config.Identity whom a token stands for.
func (s *Server) identify(c *call, name string) (string, error) {
	token := c.form.Get(name)
	code := "invalid_grant" // RFC 7523 §3.1
	if name != "assertion" {
		code = "invalid_request" // RFC 8693 §2.2.2
	}
	switch {
	case token == "":
		return "", refuse("invalid_request", name+" is missing")
	case s.cfg.Identity == nil:
		return "", refuse(code, "Config.Identity is not set, so no assertion is trusted")
	}
	subject, err := s.cfg.Identity(token)
	if err != nil {
		return "", refuse(code, err.Error())
	}
	return subject, nil
}

// keylessGrants are the grants that the metadata names only where they can
// work.
func (s *Server) keylessGrants() []string {
	if s.cfg.Identity == nil {
		return nil
	}
	return []string{grantJWTBearer, grantTokenExchange}
}
