// Client is what the conformance suite of MCP runs: an agent that knows an API
// by its address, the last argument, and whatever a scenario tells it besides.
// With -sdk it speaks through the official Go SDK.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

// given is what a scenario tells its client.
type given struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Issuer       string `json:"issuer"`
	PrivateKey   string `json:"private_key_pem"`
	WorkloadJWT  string `json:"valid_jwt"`

	IDPClientID      string `json:"idp_client_id"`
	IDPIDToken       string `json:"idp_id_token"`
	IDPTokenEndpoint string `json:"idp_token_endpoint"`
}

func run(ctx context.Context, args []string, env func(string) string) error {
	if len(args) == 0 {
		return errors.New("the address of the API is missing")
	}
	api := args[len(args)-1]
	var g given
	if text := env("MCP_CONFORMANCE_CONTEXT"); text != "" {
		if err := json.Unmarshal([]byte(text), &g); err != nil {
			return err
		}
	}
	cfg, err := configure(env("MCP_CONFORMANCE_SCENARIO"), api, g)
	if err != nil {
		return err
	}
	auth, err := apiauth.New(ctx, api, cfg)
	if err != nil {
		return err
	}
	defer auth.Close()
	if len(args) > 1 && args[0] == "-sdk" {
		return converseBySDK(ctx, auth, api, cfg.Proof != nil)
	}
	return converse(ctx, auth.HTTPClient(), api, env("MCP_CONFORMANCE_PROTOCOL_VERSION"))
}

// configure returns what the program of a scenario would say of itself.
func configure(scenario, api string, g given) (apiauth.Config, error) {
	cfg := apiauth.Config{
		Name:           "Conformance",
		Flow:           oauth2grant.AuthCode{Open: browse},
		AllowInside:    true, // the suite's servers are all on this machine
		GuessEndpoints: true,
		Logger:         slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	own := func(auth oauth2grant.ClientAuth) {
		cfg.Clients = map[string]oauth2grant.ClientAuth{g.Issuer: auth}
	}
	switch scenario {
	case "auth/basic-cimd":
		cfg.ClientMetadataURL = "https://conformance-test.local/client-metadata.json"
	case "auth/pre-registration":
		own(oauth2grant.SecretBasic(g.ClientID, g.ClientSecret))
	case "auth/client-credentials-basic":
		cfg.Flow = oauth2grant.ClientCredentials{}
		own(oauth2grant.SecretBasic(g.ClientID, g.ClientSecret))
	case "auth/client-credentials-jwt":
		key, err := clientassertion.ParseKey([]byte(g.PrivateKey))
		if err != nil {
			return cfg, err
		}
		cfg.Flow = oauth2grant.ClientCredentials{}
		own(clientassertion.PrivateKeyJWT(g.ClientID, key, nil))
	case "auth/wif-jwt-bearer":
		cfg.Flow = oauth2grant.JWTBearer{Assertion: func(context.Context) (string, error) { return g.WorkloadJWT, nil }}
		own(oauth2grant.Public(g.ClientID))
	case "auth/enterprise-managed-authorization":
		cfg.Flow = enterprise{g, api}
		own(oauth2grant.SecretBasic(g.ClientID, g.ClientSecret))
	case "auth/dpop", "auth/dpop-nonce":
		prover, err := dpop.New(nil)
		if err != nil {
			return cfg, err
		}
		cfg.Proof = prover
	}
	return cfg, nil
}

// browse is a person who agrees to everything.
func browse(ctx context.Context, authURL string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authURL, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// enterprise trades the ID token of a company's identity provider for an
// assertion to the API's own authorization server, and that for a token.
type enterprise struct {
	given
	api string
}

// Interactive returns false.
func (enterprise) Interactive() bool { return false }

// Run implements [oauth2grant.Flow].
func (e enterprise) Run(ctx context.Context, c *oauth2grant.Client) (oauth2grant.Token, error) {
	server, err := c.Server(ctx)
	if err != nil {
		return oauth2grant.Token{}, err
	}
	idp, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: e.IDPTokenEndpoint}, Auth: oauth2grant.Public(e.IDPClientID),
		Params: url.Values{"audience": {server.Issuer}, "resource": {e.api}},
	})
	if err != nil {
		return oauth2grant.Token{}, err
	}
	exchange := oauth2grant.TokenExchange{
		Subject:     func(context.Context) (string, error) { return e.IDPIDToken, nil },
		SubjectType: oauth2grant.TokenTypeIDToken, RequestedType: oauth2grant.TokenTypeIDJAG,
	}
	return oauth2grant.JWTBearer{Assertion: identity.FromFlow(idp, exchange)}.Run(ctx, c)
}
