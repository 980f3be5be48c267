package apiauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// ErrNoClient says that there is no client to sign in with at the server that
// the API names: register one by hand, for [Config.Clients].
var ErrNoClient = errors.New("apiauth: there is no client for the server: register one by hand, for Config.Clients")

const (
	methodNone  = "none"
	methodBasic = string(oauth2grant.MethodBasic)
	methodPost  = string(oauth2grant.MethodPost)
)

// obtain returns a client at a server: one of the user, a client metadata
// document, or a new registration.
func (a *Auth) obtain(ctx context.Context, s server) (client, error) {
	if own, ok := a.cfg.Clients[s.issuer]; ok && s.issuer != "" {
		return client{ID: own.ClientID()}, nil
	}
	if own, ok := a.cfg.Clients[""]; ok {
		return client{ID: own.ClientID()}, nil
	}
	if a.cfg.ClientMetadataURL != "" && s.readsMetadata {
		return client{ID: a.cfg.ClientMetadataURL, Method: methodNone}, nil
	}
	if s.registration == "" {
		return client{}, fmt.Errorf("%w (%s takes no registrations)", ErrNoClient, hostOf(s.issuer))
	}
	return a.register(ctx, s)
}

// auth returns what authenticates a client.
func (a *Auth) auth(r record) (oauth2grant.ClientAuth, error) {
	switch c := r.Client; c.Method {
	case "":
		for _, issuer := range []string{r.Issuer, ""} {
			if own, ok := a.cfg.Clients[issuer]; ok && own.ClientID() == c.ID {
				return own, nil
			}
		}
		return nil, ErrNoClient
	case methodNone:
		return oauth2grant.Public(c.ID), nil
	case methodPost:
		return oauth2grant.SecretPost(c.ID, c.Secret), nil
	default:
		return oauth2grant.SecretBasic(c.ID, c.Secret), nil
	}
}

// register makes a dynamic registration (RFC 7591 §3).
func (a *Auth) register(ctx context.Context, s server) (client, error) {
	request := a.metadata(s)
	status, body, err := a.fetch(ctx, http.MethodPost, s.registration, "", request)
	if err != nil {
		return client{}, fmt.Errorf("apiauth: register a client: %w", err)
	}
	if status != http.StatusCreated && status != http.StatusOK {
		return client{}, refusedRegistration(s.registration, status, body)
	}
	return a.registered(s.registration, request, body)
}

// metadata is what is registered (RFC 7591 §2).
func (a *Auth) metadata(s server) map[string]any {
	request := map[string]any{
		"client_name": a.cfg.Name, "application_type": "native", "token_endpoint_auth_method": s.authMethod(),
	}
	switch a.cfg.Flow.(type) {
	case oauth2grant.DeviceCode:
		request["grant_types"] = []string{oauth2grant.OpDeviceCode, oauth2grant.OpRefresh}
		return request
	case oauth2grant.ClientCredentials:
		request["grant_types"] = []string{oauth2grant.OpClientCredentials}
		return request
	}
	if uris := a.redirectURIs(); uris != nil {
		request["grant_types"] = []string{oauth2grant.OpAuthorizationCode, oauth2grant.OpRefresh}
		request["response_types"] = []string{"code"}
		request["redirect_uris"] = uris
	}
	return request
}

// redirectURIs are those of the user, or else of a sign-in on a loopback port,
// which servers have to accept whatever the port (RFC 8252 §7.3).
func (a *Auth) redirectURIs() []string {
	flow, ok := a.cfg.Flow.(oauth2grant.AuthCode)
	if !ok || a.cfg.RedirectURIs != nil {
		return a.cfg.RedirectURIs
	}
	c := flow.Callback
	if c.RedirectURI != "" {
		return []string{c.RedirectURI}
	}
	host, path := "127.0.0.1", "/callback"
	switch {
	case c.Localhost:
		host = "localhost"
	case c.Addr == "::1":
		host = "[::1]"
	case c.Addr != "" && !c.AllowNonLoopback:
		host = c.Addr
	}
	if c.Path != "" {
		path = c.Path
	}
	var all []string
	for _, port := range c.Ports {
		if port != 0 {
			all = append(all, "http://"+host+":"+strconv.Itoa(port)+path)
		}
	}
	if len(all) == 0 || slices.Contains(c.Ports, 0) {
		all = append(all, "http://"+host+path)
	}
	return all
}

// registration is the answer to a registration (RFC 7591 §3.2.1, RFC 7592 §3).
type registration struct {
	ClientID     string   `json:"client_id"`
	Secret       string   `json:"client_secret"`
	Expires      int64    `json:"client_secret_expires_at"`
	Method       string   `json:"token_endpoint_auth_method"`
	RedirectURIs []string `json:"redirect_uris"`
	URI          string   `json:"registration_client_uri"`
	Token        string   `json:"registration_access_token"`
}

// registered checks the answer to a registration.
func (a *Auth) registered(endpoint string, request map[string]any, body []byte) (client, error) {
	refuse := func(why string) (client, error) {
		return client{}, fmt.Errorf("apiauth: the registration at %s is not usable: %s", hostOf(endpoint), why)
	}
	var r registration
	if json.Unmarshal(body, &r) != nil || r.ClientID == "" {
		return refuse("the answer has no client_id that can be read")
	}
	if wanted, _ := request["redirect_uris"].([]string); r.RedirectURIs != nil && !sameSet(wanted, r.RedirectURIs) {
		return refuse("it has other redirect URIs than were asked for")
	}
	c := client{ID: r.ClientID, Method: r.Method, Secret: r.Secret, Registered: true}
	if c.Method == "" {
		c.Method, _ = request["token_endpoint_auth_method"].(string)
	}
	switch c.Method {
	case methodNone:
		c.Secret = ""
	case methodBasic, methodPost:
		if c.Secret == "" {
			return refuse("it has no client_secret")
		}
		c.expires(r.Expires)
	default:
		return refuse("it has a token_endpoint_auth_method that was not asked for")
	}
	if sameOrigin(r.URI, endpoint) && r.Token != "" {
		c.URI, c.Token = r.URI, r.Token
	}
	return c, nil
}

// renewSecret asks for a new secret of a registration (RFC 7592 §2.2).
func (a *Auth) renewSecret(ctx context.Context, old client) (client, error) {
	request := a.metadata(server{methods: []string{old.Method}})
	request["client_id"], request["client_secret"] = old.ID, old.Secret
	status, body, err := a.fetch(ctx, http.MethodPut, old.URI, old.Token, request)
	if err != nil {
		return client{}, fmt.Errorf("apiauth: renew the client secret: %w", err)
	}
	if status != http.StatusOK {
		return client{}, refusedRegistration(old.URI, status, body)
	}
	c, err := a.registered(old.URI, request, body)
	switch {
	case err != nil:
		return client{}, err
	case c.ID != old.ID:
		return client{},
			errors.New("apiauth: the server answers for another client than the one whose secret is to be renewed")
	case c.URI == "":
		c.URI, c.Token = old.URI, old.Token
	}
	return c, nil
}

// secretDue reports whether a secret is to be renewed now, and whether it has
// expired, so that only a new registration helps.
func (c client) secretDue(now time.Time) (due, over bool) {
	if !c.Registered || c.SecretExpires <= 0 {
		return false, false
	}
	return c.URI != "" && !now.Before(time.Unix(c.RenewAt, 0)), !now.Before(time.Unix(c.SecretExpires, 0))
}

// secretLead is how long before its end a secret is renewed: a day, or a third
// of its life where that is less.
const secretLead = 24 * time.Hour

// expires notes when the secret ends, in seconds of Unix time; zero: never.
func (c *client) expires(at int64) {
	if at <= 0 {
		return
	}
	life := time.Until(time.Unix(at, 0))
	c.SecretExpires = at
	c.RenewAt = time.Unix(at, 0).Add(-min(secretLead, max(life/3, 0))).Unix()
}

// refusedRegistration is the error of a server that refuses a registration.
func refusedRegistration(endpoint string, status int, body []byte) error {
	var said struct {
		Code string `json:"error"`
	}
	_ = json.Unmarshal(body, &said)
	e := &oauth2grant.Error{Op: "registration", Host: hostOf(endpoint), StatusCode: status}
	if len(scopeTokens([]string{said.Code})) == 1 {
		e.Code = oauth2grant.Code(said.Code)
	}
	return fmt.Errorf("apiauth: %w", e)
}

func sameSet(a, b []string) bool { return within(a, b) && within(b, a) }

func sameOrigin(a, b string) bool {
	u, err := url.Parse(a)
	v, err2 := url.Parse(b)
	return err == nil && err2 == nil && u.Host != "" && originOf(u) == originOf(v)
}

func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return "an unknown server"
}
