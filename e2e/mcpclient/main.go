// Command mcpclient is a client of the Model Context Protocol that can do no
// more than sign in, and say hello: what the conformance suite of the protocol
// asks of OAuth clients, over the public API alone.
//
//	conformance client --command mcpclient --scenario auth/dpop-nonce
//
// The suite gives it the address of a server as its last argument, the scenario
// in MCP_CONFORMANCE_SCENARIO, and credentials in MCP_CONFORMANCE_CONTEXT.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[len(os.Args)-1], os.Getenv("MCP_CONFORMANCE_SCENARIO")); err != nil {
		log.Fatal(err)
	}
}

// credentials are what the scenario gives its client.
type credentials struct {
	ID      string `json:"client_id"`
	Secret  string `json:"client_secret"`
	Key     string `json:"private_key_pem"`
	Alg     string `json:"signing_algorithm"`
	JWT     string `json:"valid_jwt"`
	IDToken string `json:"idp_id_token"`
	IDPID   string `json:"idp_client_id"`
	IDP     string `json:"idp_issuer"`
	IDPURL  string `json:"idp_token_endpoint"`
}

func run(ctx context.Context, server, scenario string) error {
	var own credentials
	if text := os.Getenv("MCP_CONFORMANCE_CONTEXT"); text != "" {
		if err := json.Unmarshal([]byte(text), &own); err != nil {
			return fmt.Errorf("MCP_CONFORMANCE_CONTEXT: %w", err)
		}
	}
	api, err := describe(ctx, server)
	if err != nil {
		return err
	}
	flow, cfg, err := api.configure(ctx, scenario, own)
	if err != nil {
		return err
	}
	grant, err := oauth2grant.New(ctx, flow, cfg)
	if err != nil {
		return err
	}
	defer grant.Close()
	return hello(ctx, grant.HTTPClient(), server)
}

// resource is what an API says of itself (RFC 9728).
type resource struct {
	Resource string   `json:"resource"`
	Servers  []string `json:"authorization_servers"`
	Scopes   []string `json:"scopes_supported"`
}

var metadataURL = regexp.MustCompile(`resource_metadata="([^"]+)"`)

// describe asks an API who signs its users in.
func describe(ctx context.Context, server string) (resource, error) {
	res, err := call(ctx, http.DefaultClient, server, "", "initialize", 1)
	if err != nil {
		return resource{}, err
	}
	defer res.Body.Close()
	place := metadataURL.FindStringSubmatch(res.Header.Get("WWW-Authenticate"))
	if place == nil {
		return resource{}, fmt.Errorf("HTTP %d without resource_metadata", res.StatusCode)
	}
	var r resource
	if err := exchange(ctx, http.MethodGet, place[1], nil, &r); err != nil {
		return resource{}, err
	}
	if len(r.Servers) == 0 {
		return resource{}, errors.New("the API names no authorization server")
	}
	return r, nil
}

// configure chooses how to sign in.
func (r resource) configure(ctx context.Context, scenario string, own credentials) (oauth2grant.Flow,
	oauth2grant.Config, error,
) {
	cfg := oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: r.Servers[0]},
		Scopes: r.Scopes,
		Params: url.Values{"resource": {r.Resource}},
	}
	switch scenario {
	case "auth/client-credentials-basic":
		cfg.Auth = oauth2grant.SecretBasic(own.ID, own.Secret)
		return oauth2grant.ClientCredentials{}, cfg, nil
	case "auth/client-credentials-jwt":
		key, err := clientassertion.ParseKey([]byte(own.Key))
		cfg.Auth = clientassertion.PrivateKeyJWT(own.ID, key, &clientassertion.Options{Algorithm: own.Alg})
		return oauth2grant.ClientCredentials{}, cfg, err
	case "auth/wif-jwt-bearer":
		cfg.Auth = oauth2grant.Public(own.ID)
		return oauth2grant.JWTBearer{Assertion: constant(own.JWT)}, cfg, nil
	case "auth/enterprise-managed-authorization":
		cfg.Auth = oauth2grant.SecretBasic(own.ID, own.Secret)
		company, err := oauth2grant.NewClient(oauth2grant.Config{
			Server: oauth2grant.Server{Issuer: own.IDP, TokenURL: own.IDPURL},
			Auth:   oauth2grant.Public(own.IDPID),
			Params: url.Values{"audience": {cfg.Server.Issuer}, "resource": {r.Resource}},
		})
		return oauth2grant.JWTBearer{Assertion: identity.FromFlow(company, oauth2grant.TokenExchange{
			Subject: constant(own.IDToken), SubjectType: oauth2grant.TokenTypeIDToken, RequestedType: oauth2grant.TokenTypeIDJAG,
		})}, cfg, err
	case "auth/dpop", "auth/dpop-nonce":
		prover, err := dpop.New(nil)
		if err != nil {
			return nil, cfg, err
		}
		cfg.Proof = prover
		return person(ctx, cfg)
	}
	return nil, cfg, fmt.Errorf("unknown scenario %q", scenario)
}

func constant(value string) identity.Source {
	return func(context.Context) (string, error) { return value, nil }
}

// person is a flow for a client that registers itself (RFC 7591).
func person(ctx context.Context, cfg oauth2grant.Config) (oauth2grant.Flow, oauth2grant.Config, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, cfg, err
	}
	server, err := oauth2grant.Discover(ctx, cfg.Server.Issuer, nil)
	if err != nil {
		return nil, cfg, err
	}
	var endpoint string
	if found, err := server.Metadata("registration_endpoint", &endpoint); !found || err != nil {
		return nil, cfg, errors.New("the authorization server registers no clients")
	}
	var client struct {
		ID string `json:"client_id"`
	}
	err = exchange(ctx, http.MethodPost, endpoint, map[string]any{
		"client_name": "mcpclient", "redirect_uris": []string{fmt.Sprintf("http://127.0.0.1:%d/callback", port)},
		"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none",
	}, &client)
	if err != nil {
		return nil, cfg, err
	}
	cfg.Auth = oauth2grant.Public(client.ID)
	return oauth2grant.AuthCode{
		Open: visit, Callback: callbackserver.Config{Ports: []int{port}},
		Timeout: 20 * time.Second,
	}, cfg, nil
}

// freePort returns a port for the redirect, which is registered before anybody
// listens on it.
func freePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// visit is a browser of a person who agrees to everything.
func visit(ctx context.Context, target string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Jar: jar}).Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// exchange sends a JSON object, unless it is nil, and decodes another one.
func exchange(ctx context.Context, method, target string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, target, &body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode > 299 {
		return fmt.Errorf("%s: HTTP %d", req.URL.Host, res.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(out)
}

// call makes one call of the Model Context Protocol.
func call(ctx context.Context, hc *http.Client, server, session, method string, id int) (*http.Response, error) {
	message := map[string]any{"jsonrpc": "2.0", "method": method, "params": map[string]any{}}
	if id > 0 {
		message["id"] = id
	}
	if method == "initialize" {
		message["params"] = map[string]any{
			"protocolVersion": version(), "capabilities": map[string]any{}, "clientInfo": map[string]any{"name": "mcpclient", "version": "1"},
		}
	}
	text, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, text/event-stream")
	req.Header.Set("MCP-Protocol-Version", version())
	if session != "" {
		req.Header.Set("Mcp-Session-Id", session)
	}
	return hc.Do(req)
}

func version() string {
	if v := os.Getenv("MCP_CONFORMANCE_PROTOCOL_VERSION"); v != "" {
		return v
	}
	return "2025-11-25"
}

// hello opens a session, and asks for the tools.
func hello(ctx context.Context, hc *http.Client, server string) error {
	session := ""
	for id, method := range []string{1: "initialize", 2: "notifications/initialized", 3: "tools/list"} {
		if method == "" {
			continue
		}
		if strings.HasPrefix(method, "notifications/") {
			id = 0
		}
		res, err := call(ctx, hc, server, session, method, id)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
		_ = res.Body.Close()
		if res.StatusCode > 299 {
			return fmt.Errorf("%s: HTTP %d", method, res.StatusCode)
		}
		if s := res.Header.Get("Mcp-Session-Id"); s != "" {
			session = s
		}
	}
	return nil
}
