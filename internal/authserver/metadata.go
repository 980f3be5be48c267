package authserver

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/go-jose/go-jose/v3"
)

const keyID = "rsa-1"

// metadata answers RFC 8414 and OpenID Connect Discovery.
func (s *Server) metadata(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                s.issuer,
		"authorization_endpoint":                s.issuer + "/authorize",
		"token_endpoint":                        s.issuer + "/token",
		"device_authorization_endpoint":         s.issuer + "/device/auth",
		"pushed_authorization_request_endpoint": s.issuer + "/par",
		"revocation_endpoint":                   s.issuer + "/revoke",
		"introspection_endpoint":                s.issuer + "/introspect",
		"userinfo_endpoint":                     s.issuer + "/userinfo",
		"jwks_uri":                              s.issuer + "/jwks",
		"scopes_supported":                      scopes,
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"code_challenge_methods_supported":      []string{"S256"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"grant_types_supported": []string{
			"authorization_code", "client_credentials", "password", "refresh_token", deviceGrant, jwtBearerGrant,
		},
		"token_endpoint_auth_methods_supported": []string{
			"client_secret_basic", "client_secret_post", "private_key_jwt", "none",
		},
		"authorization_response_iss_parameter_supported": true,
	})
}

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.keys.public)
}

type signingKeys struct {
	private *rsa.PrivateKey
	public  jose.JSONWebKeySet
}

// newSigningKeys makes the key that signs ID tokens, once a process: it takes
// longer than all the rest of a start.
var newSigningKeys = sync.OnceValues(func() (signingKeys, error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return signingKeys{}, err
	}
	return signingKeys{private, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: &private.PublicKey, KeyID: keyID, Algorithm: "RS256", Use: "sig"},
	}}}, nil
})

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
