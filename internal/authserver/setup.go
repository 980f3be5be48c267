package authserver

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/handler/openid"
	"github.com/ory/fosite/token/jwt"
	"golang.org/x/crypto/bcrypt"
)

const (
	deviceGrant    = string(fosite.GrantTypeDeviceCode)
	jwtBearerGrant = string(fosite.GrantTypeJWTBearer)
)

var scopes = []string{"openid", "offline", "offline_access", "read", "write"}

// setUp builds the Fosite provider of every grant.
func (s *Server) setUp() (err error) {
	if s.keys, err = newSigningKeys(); err != nil {
		return err
	}
	if s.store, err = newStore(); err != nil {
		return err
	}
	if err := s.store.trust(s.cfg.Keys); err != nil {
		return err
	}
	cfg := s.fositeConfig()
	key := func(context.Context) (any, error) { return s.keys.private, nil }
	s.codes = &strategy{
		CommonStrategy: &compose.CommonStrategy{
			CoreStrategy:               compose.NewOAuth2HMACStrategy(cfg),
			RFC8628CodeStrategy:        compose.NewDeviceStrategy(cfg),
			OpenIDConnectTokenStrategy: compose.NewOpenIDConnectStrategy(key, cfg),
			Signer:                     &jwt.DefaultSigner{GetPrivateKey: key},
		},
		store:    s.store,
		interval: s.cfg.DeviceInterval,
		polled:   map[string]time.Time{},
	}
	s.oauth = compose.Compose(cfg, s.store, s.codes,
		compose.OAuth2AuthorizeExplicitFactory,
		compose.OAuth2PKCEFactory,
		compose.OAuth2ClientCredentialsGrantFactory,
		compose.OAuth2ResourceOwnerPasswordCredentialsFactory, //nolint:staticcheck // for clients that need it
		compose.OAuth2RefreshTokenGrantFactory,
		compose.RFC8628DeviceFactory,
		compose.RFC8628DeviceAuthorizationTokenFactory,
		compose.OpenIDConnectExplicitFactory,
		compose.OpenIDConnectRefreshFactory,
		compose.OpenIDConnectDeviceFactory,
		compose.RFC7523AssertionGrantFactory,
		compose.PushedAuthorizeHandlerFactory,
		compose.OAuth2TokenIntrospectionFactory,
		compose.OAuth2TokenRevocationFactory,
	)
	return nil
}

func (s *Server) fositeConfig() *fosite.Config {
	secret := make([]byte, 32)
	rand.Read(secret)
	cfg := &fosite.Config{
		GlobalSecret:                   secret,
		IDTokenIssuer:                  s.issuer,
		AccessTokenIssuer:              s.issuer,
		TokenURL:                       s.issuer + "/token",
		AccessTokenLifespan:            s.cfg.AccessTokenLifetime,
		RefreshTokenLifespan:           s.cfg.RefreshTokenLifetime,
		AuthorizeCodeLifespan:          time.Minute,
		DeviceAndUserCodeLifespan:      s.cfg.DeviceLifetime,
		DeviceAuthTokenPollingInterval: s.cfg.DeviceInterval,
		DeviceVerificationURL:          s.issuer + "/device",
		EnforcePKCE:                    true,
		ScopeStrategy:                  fosite.ExactScopeStrategy,
		HashCost:                       bcrypt.MinCost,
	}
	if s.cfg.AlwaysRefreshToken {
		cfg.RefreshTokenScopes = []string{} // empty, unlike nil, asks for no scope
	}
	return cfg
}

// session is what Fosite keeps of a sign-in: who, and what the ID token says.
func (s *Server) session(user string) *openid.DefaultSession {
	now := time.Now()
	return &openid.DefaultSession{
		Username: user,
		Subject:  user,
		Headers:  &jwt.Headers{Extra: map[string]any{"kid": keyID}},
		Claims:   &jwt.IDTokenClaims{Issuer: s.issuer, Subject: user, IssuedAt: now, RequestedAt: now, AuthTime: now},
	}
}

func grantWhatWasAsked(r fosite.Requester) {
	for _, scope := range r.GetRequestedScopes() {
		r.GrantScope(scope)
	}
	for _, audience := range r.GetRequestedAudience() {
		r.GrantAudience(audience)
	}
}
