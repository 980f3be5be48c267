package oidcverify

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// ErrNoIDToken says that the server issued no ID token: the scope openid was
// not asked for, or the server is no OpenID Provider.
var ErrNoIDToken = errors.New("oidcverify: the token has no ID token: ask for the scope openid")

// Config says what is expected of ID tokens.
type Config struct {
	// HTTPClient fetches the keys of the server. Nil means a client of its own
	// with a timeout of 10 seconds that follows no redirects.
	HTTPClient *http.Client

	// Algorithms are the signature algorithms to accept, such as "ES256". If
	// empty, they are the asymmetric ones of the metadata's
	// id_token_signing_alg_values_supported, and RS256 where it names none.
	Algorithms []string

	// Leeway is how far the clock of the server may be ahead. Zero means one
	// minute.
	Leeway time.Duration
}

// Verifier verifies the ID tokens that one server issues to one client. It is
// safe for concurrent use.
type Verifier struct {
	client *oauth2grant.Client
	cfg    Config

	// mu guards what follows.
	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
}

// New returns a Verifier for what client is issued. It makes no request: the
// server's metadata is that of client, and its keys are fetched when the first
// ID token comes, and when one is signed by a key that is not known.
func New(client *oauth2grant.Client, cfg Config) (*Verifier, error) {
	switch {
	case client == nil:
		return nil, errors.New("oidcverify: New needs a Client")
	case cfg.Leeway < 0:
		return nil, errors.New("oidcverify: Config.Leeway is negative")
	}
	for _, a := range cfg.Algorithms {
		if !slices.Contains(asymmetric, a) {
			return nil, fmt.Errorf("oidcverify: Config.Algorithms has %q, which is not one of %v", a, asymmetric)
		}
	}
	if cfg.Leeway == 0 {
		cfg.Leeway = time.Minute
	}
	if cfg.HTTPClient == nil {
		cfg.HTTPClient = &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		}
	}
	return &Verifier{client: client, cfg: cfg}, nil
}

// asymmetric are the algorithms whose keys can be published. A client secret
// signs nothing here, and "none" is no signature.
var asymmetric = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384,
	oidc.ES512, oidc.EdDSA,
}

// SignIn verifies the ID token of a sign-in. It has the type of
// AuthCode.VerifyIDToken, and is otherwise [Verifier.Verify].
func (v *Verifier) SignIn(ctx context.Context, a oauth2grant.Authorization, t oauth2grant.Token) error {
	_, err := v.Verify(ctx, a, t)
	return err
}

// Verify verifies the ID token of t, which the authorization a led to: its
// signature, issuer, audience and authorized party, its times, its nonce, and
// that it was issued together with the access token, where it says so by
// at_hash. The result tells who signed in; its Subject is unique at its Issuer.
//
// It blocks until the keys of the server have been fetched, where that is
// needed, or ctx ends. The error is [ErrNoIDToken], an [*oauth2grant.Error] of
// discovery or of the nonce, or says which check failed. It does not show the
// ID token.
func (v *Verifier) Verify(
	ctx context.Context, a oauth2grant.Authorization, t oauth2grant.Token,
) (*oidc.IDToken, error) {
	if t.IDToken == "" {
		return nil, ErrNoIDToken
	}
	verifier, err := v.ready(ctx)
	if err != nil {
		return nil, err
	}
	id, err := verifier.Verify(ctx, t.IDToken)
	if err != nil {
		return nil, fmt.Errorf("oidcverify: %w", err)
	}
	if err := v.check(id, t.AccessToken); err != nil {
		return nil, fmt.Errorf("oidcverify: %w", err)
	}
	if err := a.CheckNonce(id.Nonce); err != nil {
		return nil, err
	}
	return id, nil
}

// check makes the checks that go-oidc leaves to its caller, but for the nonce.
func (v *Verifier) check(id *oidc.IDToken, access string) error {
	var claims struct {
		AuthorizedParty string `json:"azp"`
	}
	if err := id.Claims(&claims); err != nil {
		return errors.New("the claims of the ID token can't be read")
	}
	switch {
	case id.Subject == "":
		return errors.New("the ID token names no subject")
	case claims.AuthorizedParty != "" && claims.AuthorizedParty != v.client.ClientID(),
		claims.AuthorizedParty == "" && len(id.Audience) > 1:
		return errors.New("the ID token was issued to another client (azp)")
	case id.IssuedAt.After(time.Now().Add(v.cfg.Leeway)):
		return errors.New("the ID token was issued in the future (iat): is the clock right?")
	case id.AccessTokenHash == "":
		return nil
	}
	if err := id.VerifyAccessToken(access); err != nil {
		return errors.New("the ID token was issued with another access token (at_hash)")
	}
	return nil
}

// ready returns the verifier, which the first caller makes.
func (v *Verifier) ready(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	v.mu.Lock()
	made := v.verifier
	v.mu.Unlock()
	if made != nil {
		return made, nil
	}
	server, err := v.client.Server(ctx)
	if err != nil {
		return nil, err
	}
	keys, err := v.endpoint(server, "jwks_uri")
	if err != nil {
		return nil, err
	}
	algorithms := v.cfg.Algorithms
	if len(algorithms) == 0 {
		var offered []string
		_, _ = server.Metadata("id_token_signing_alg_values_supported", &offered) // unreadable: as if not there
		for _, a := range offered {
			if slices.Contains(asymmetric, a) {
				algorithms = append(algorithms, a)
			}
		}
	}
	// The keys outlive this call: the context of go-oidc's key set is that of
	// its later requests too.
	background := oidc.ClientContext(context.WithoutCancel(ctx), v.cfg.HTTPClient)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.verifier != nil {
		return v.verifier, nil
	}
	v.verifier = oidc.NewVerifier(server.Issuer, oidc.NewRemoteKeySet(background, keys), &oidc.Config{
		ClientID: v.client.ClientID(), SupportedSigningAlgs: algorithms,
	})
	return v.verifier, nil
}
