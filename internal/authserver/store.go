package authserver

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/storage"
	"golang.org/x/crypto/bcrypt"
)

// store is Fosite's in-memory store with the users and clients in it.
type store struct {
	*storage.MemoryStore
	devices map[string]string // signatures of device codes, by request
}

func newStore() (*store, error) {
	st := &store{storage.NewMemoryStore(), map[string]string{}}
	for name, password := range map[string]string{"alice": "wonderland", "bob": "pass word&+=%"} {
		st.Users[name] = storage.MemoryUserRelation{Username: name, Password: password}
	}
	personal := []string{"authorization_code", "refresh_token", deviceGrant, jwtBearerGrant}
	all := append([]string{"client_credentials", "password"}, personal...)
	for _, c := range []struct {
		id, secret, method string
		grants             []string
	}{
		{"native", "", "none", personal},
		{"web", "web-secret", "client_secret_basic", all},
		{"odd:id +1", `s3cr:t +&=/%~"?`, "client_secret_basic", all},
		{"post", "post-secret", "client_secret_post", all},
		{"worker", "worker-secret", "client_secret_basic", []string{"client_credentials"}},
		{"signed", rand.Text(), "private_key_jwt", all}, // whose secret nobody knows
	} {
		hash, err := bcrypt.GenerateFromPassword([]byte(c.secret), bcrypt.MinCost)
		if err != nil {
			return nil, err
		}
		st.Clients[c.id] = &fosite.DefaultOpenIDConnectClient{
			TokenEndpointAuthMethod: c.method,
			DefaultClient: &fosite.DefaultClient{
				ID: c.id, Secret: hash, Public: c.method == "none",
				GrantTypes: c.grants, ResponseTypes: []string{"code"}, Scopes: scopes,
				RedirectURIs: []string{"http://127.0.0.1/callback", "http://[::1]/callback"},
				Audience:     []string{"https://api.example.test/"},
			},
		}
	}
	return st, nil
}

// trust takes a JWK Set for the client signed and for Platform.
func (st *store) trust(keys []byte) error {
	if len(keys) == 0 {
		return nil
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(keys, &set); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	trusted := map[string]storage.PublicKeyScopes{}
	for i, key := range set.Keys {
		if !key.IsPublic() {
			return fmt.Errorf("keys: %q is not a public one", key.KeyID)
		}
		trusted[key.KeyID] = storage.PublicKeyScopes{Key: &set.Keys[i], Scopes: scopes}
	}
	client := st.Clients["signed"].(*fosite.DefaultOpenIDConnectClient)
	client.JSONWebKeys, client.TokenEndpointAuthSigningAlgorithm = &set, "ES256"
	st.IssuerPublicKeys[Platform] = storage.IssuerPublicKeys{
		Issuer: Platform, KeysBySub: map[string]storage.SubjectPublicKeys{"alice": {Subject: "alice", Keys: trusted}},
	}
	return nil
}

// Authenticate names the user; Fosite's own answers with a new UUID each time.
func (st *store) Authenticate(ctx context.Context, name, password string) (subject string, err error) {
	if _, err := st.MemoryStore.Authenticate(ctx, name, password); err != nil {
		return "", err
	}
	return name, nil
}

// RotateRefreshToken lets the access token live on, as most servers do:
// requests under way with it do not fail.
func (st *store) RotateRefreshToken(ctx context.Context, requestID, _ string) error {
	return st.RevokeRefreshToken(ctx, requestID)
}

// CreateDeviceAuthSession remembers the device code for allowIDToken.
func (st *store) CreateDeviceAuthSession(
	ctx context.Context, deviceCode, userCode string, req fosite.DeviceRequester,
) error {
	st.devices[req.GetID()] = deviceCode
	return st.MemoryStore.CreateDeviceAuthSession(ctx, deviceCode, userCode, req)
}

// allowIDToken lets a device that asked for the scope openid have an ID token.
// Fosite leaves that to whoever asks the person.
func (st *store) allowIDToken(ctx context.Context, req fosite.DeviceRequester) {
	if req.GetGrantedScopes().Has("openid") {
		_ = st.CreateOpenIDConnectSession(ctx, st.devices[req.GetID()], req)
	}
}

// DeletePARSession does nothing: Fosite calls it at the first look at a pushed
// request, and the sign-in form is a second one.
func (st *store) DeletePARSession(context.Context, string) error { return nil }

// forgetPushed ends a pushed authorization request, once answered.
func (st *store) forgetPushed(ctx context.Context, requestURI string) {
	_ = st.MemoryStore.DeletePARSession(ctx, requestURI)
}
