package granttest

// metadata is RFC 8414 and OpenID Connect Discovery in one document.
func (s *Server) metadata(*call) (answer, error) {
	clientAuth := []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "client_secret_jwt"}
	withPublic := append([]string{"none"}, clientAuth...)
	members := map[string]any{
		"issuer":                                         s.cfg.Issuer,
		"authorization_endpoint":                         s.url(Authorize),
		"token_endpoint":                                 s.url(Token),
		"device_authorization_endpoint":                  s.url(DeviceAuthorization),
		"revocation_endpoint":                            s.url(Revocation),
		"introspection_endpoint":                         s.url(Introspection),
		"userinfo_endpoint":                              s.url(UserInfo),
		"jwks_uri":                                       s.url(JWKS),
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"pushed_authorization_request_endpoint":          s.url(PAR),
		"require_pushed_authorization_requests":          s.cfg.RequirePAR,
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query", "form_post"},
		"subject_types_supported":                        []string{"public"},
		"code_challenge_methods_supported":               []string{"S256", "plain"},
		"authorization_response_iss_parameter_supported": true,
		"grant_types_supported": append([]string{
			grantAuthorizationCode, grantClientCredentials, grantPassword, grantRefreshToken, grantDeviceCode,
		}, s.keylessGrants()...),
		"token_endpoint_auth_methods_supported":         withPublic,
		"revocation_endpoint_auth_methods_supported":    withPublic,
		"introspection_endpoint_auth_methods_supported": clientAuth,
	}
	if s.cfg.DPoP {
		members["dpop_signing_alg_values_supported"] = asymmetric
	}
	s.describeClients(members)
	return reply(members), nil
}
