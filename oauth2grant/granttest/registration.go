package granttest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Registration has the server register clients that ask for it (RFC 7591), and
// lets them renew their registration (RFC 7592).
type Registration struct {
	// SecretLifetime is how long a client secret is good. Zero: for ever.
	SecretLifetime time.Duration

	// Confidential returns every client a secret, also one that asks for none.
	Confidential bool

	// Unmanaged leaves out where a registration is renewed.
	Unmanaged bool
}

// Register is the endpoint for registrations; that of one client is below it.
const Register Endpoint = "/register"

// describeClients adds to the metadata what the server says of clients.
func (s *Server) describeClients(members map[string]any) {
	if s.cfg.Registration != nil {
		members["registration_endpoint"] = s.url(Register)
	}
	if s.cfg.ClientDocuments != nil {
		members["client_id_metadata_document_supported"] = true
	}
	if s.cfg.Scopes != nil {
		members["scopes_supported"] = s.cfg.Scopes
	}
}

// clientMetadata is what is registered (RFC 7591 §2).
type clientMetadata struct {
	ID           string   `json:"client_id"`
	Secret       string   `json:"client_secret"`
	RedirectURIs []string `json:"redirect_uris"`
	Method       string   `json:"token_endpoint_auth_method"`
	GrantTypes   []string `json:"grant_types"`
}

// register is RFC 7591 §3, and RFC 7592 §2 where the path names a client.
func (s *Server) register(c *call) (answer, error) {
	if s.cfg.Registration == nil {
		return answer{status: http.StatusNotFound, text: "granttest: no clients are registered here\n"}, nil
	}
	id := s.registeredID(c)
	if id != "" {
		return s.manage(c, id)
	}
	if c.Method != http.MethodPost {
		return answer{status: http.StatusMethodNotAllowed, header: http.Header{"Allow": {http.MethodPost}}}, nil
	}
	m, err := readClient(c)
	if err != nil {
		return answer{}, err
	}
	client := Client{ID: "registered-" + rand.Text(), RedirectURIs: m.RedirectURIs, managed: rand.Text()}
	if m.Method != "none" || s.cfg.Registration.Confidential {
		client.Secret = rand.Text()
	}
	a := s.tellClient(&client, m)
	s.cfg.Clients = append(s.cfg.Clients, client)
	a.status = http.StatusCreated
	return a, nil
}

func readClient(c *call) (clientMetadata, error) {
	var m clientMetadata
	if err := json.Unmarshal([]byte(c.body), &m); err != nil {
		return m, refuse("invalid_client_metadata", "the request is not a JSON object")
	}
	needsRedirect := m.GrantTypes == nil || slices.Contains(m.GrantTypes, grantAuthorizationCode)
	if needsRedirect && len(m.RedirectURIs) == 0 {
		return m, refuse("invalid_redirect_uri", "redirect_uris is missing")
	}
	return m, nil
}

// tellClient is the answer to a registration (RFC 7591 §3.2.1). It notes when
// the secret ends.
func (s *Server) tellClient(client *Client, m clientMetadata) answer {
	members := map[string]any{"client_id": client.ID, "redirect_uris": m.RedirectURIs, "token_endpoint_auth_method": "none"}
	if client.Secret != "" {
		method := m.Method
		if method == "none" || method == "" {
			method = "client_secret_basic"
		}
		members["token_endpoint_auth_method"] = method
		members["client_secret"], members["client_secret_expires_at"] = client.Secret, 0
		if life := s.cfg.Registration.SecretLifetime; life > 0 {
			client.SecretExpires = time.Now().Add(life)
			members["client_secret_expires_at"] = client.SecretExpires.Unix()
		}
	}
	if !s.cfg.Registration.Unmanaged {
		members["registration_client_uri"] = s.url(Register) + "/" + client.ID
		members["registration_access_token"] = client.managed
	}
	return reply(members)
}

// registeredID is the client that the path of a request names.
func (s *Server) registeredID(c *call) string {
	_, id, _ := strings.Cut(c.URL.Path, string(Register)+"/")
	return id
}

// manage is RFC 7592 §2: an update brings a fresh secret.
func (s *Server) manage(c *call, id string) (answer, error) {
	i := slices.IndexFunc(s.cfg.Clients, func(client Client) bool { return client.ID == id })
	_, bearer, _ := strings.Cut(c.Header.Get("Authorization"), " ")
	if i < 0 || s.cfg.Registration.Unmanaged || bearer == "" || bearer != s.cfg.Clients[i].managed {
		return answer{}, &Refusal{http.StatusUnauthorized, "invalid_token", "the registration access token is not that of the client"}
	}
	client := &s.cfg.Clients[i]
	m := clientMetadata{RedirectURIs: client.RedirectURIs}
	switch c.Method {
	case http.MethodDelete:
		s.cfg.Clients = slices.Delete(s.cfg.Clients, i, i+1)
		return answer{status: http.StatusNoContent}, nil
	case http.MethodPut:
		var err error
		if m, err = readClient(c); err != nil {
			return answer{}, err
		}
		if m.ID != id || m.Secret != "" && m.Secret != client.Secret {
			return answer{}, refuse("invalid_client_metadata", "client_id or client_secret is another client's")
		}
		client.RedirectURIs = m.RedirectURIs
		if client.Secret != "" {
			client.Secret = rand.Text()
		}
	case http.MethodGet:
	default:
		return answer{status: http.StatusMethodNotAllowed, header: http.Header{"Allow": {"GET, PUT, DELETE"}}}, nil
	}
	return s.tellClient(client, m), nil
}

// ForgetClient removes a client, registered or not: its requests are answered
// with invalid_client from now on.
func (s *Server) ForgetClient(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Clients = slices.DeleteFunc(s.cfg.Clients, func(c Client) bool { return c.ID == id })
}

// document returns the client of a client metadata document, whose URL is its
// id.
func (c Config) document(id string) (Client, bool) {
	var m clientMetadata
	text, ok := c.ClientDocuments[id]
	if !ok || json.Unmarshal([]byte(text), &m) != nil || m.ID != id || len(m.RedirectURIs) == 0 {
		return Client{}, false
	}
	return Client{ID: id, RedirectURIs: m.RedirectURIs}, true
}
