package granttest

import (
	"net/http"
	"slices"
	"strings"
)

// ProtectedResource has the API describe itself (RFC 9728): its challenges name
// its metadata, at [Server.URL] of [ResourceMetadata].
type ProtectedResource struct {
	// Resource is what it calls itself; if empty, the URL of [Resource].
	Resource string

	// Servers are its authorization servers. If nil, that is the [Server]
	// itself.
	Servers []string

	// Scopes are its scopes_supported.
	Scopes []string

	// Requires returns the scopes that a token needs for a request. A token
	// without them is refused with insufficient_scope. It must not call the
	// server. If nil, every token will do.
	Requires func(r *http.Request) []string
}

// ResourceMetadata is the metadata of the API; see [Config].ProtectedResource.
const ResourceMetadata Endpoint = "/.well-known/oauth-protected-resource"

// describeResource is RFC 9728 §3.2.
func (s *Server) describeResource(*call) (answer, error) {
	p := s.cfg.ProtectedResource
	if p == nil {
		return answer{status: http.StatusNotFound, text: "granttest: the API does not describe itself\n"}, nil
	}
	name, servers := p.Resource, p.Servers
	if name == "" {
		name = s.url(Resource)
	}
	if servers == nil {
		servers = []string{s.cfg.Issuer}
	}
	members := map[string]any{"resource": name, "authorization_servers": servers}
	if p.Scopes != nil {
		members["scopes_supported"] = p.Scopes
	}
	return reply(members), nil
}

// SetProtectedResource changes how the API describes itself, and the scopes
// that it requires, for a test of an API that changes its mind.
func (s *Server) SetProtectedResource(p *ProtectedResource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.ProtectedResource = p
}

// required are the scopes that a request to the API needs.
func (s *Server) required(c *call) []string {
	if p := s.cfg.ProtectedResource; p != nil && p.Requires != nil {
		return p.Requires(c.Request)
	}
	return nil
}

// sufficient refuses a token without the scopes that a request needs.
func (s *Server) sufficient(c *call, t *token) error {
	if !within(strings.Join(s.required(c), " "), t.scope) {
		return &Refusal{http.StatusForbidden, "insufficient_scope", "the token lacks a scope that this request needs"}
	}
	return nil
}

// challenges adds to the challenge of the API where its metadata is, and which
// scopes the request needs (RFC 9728 §5.1).
func (s *Server) challenges(c *call, a answer) answer {
	values := a.header["Www-Authenticate"]
	if s.cfg.ProtectedResource == nil || c.endpoint != Resource || len(values) == 0 {
		return a
	}
	values = slices.Clone(values)
	values[0] += `, resource_metadata="` + s.url(ResourceMetadata) + `"`
	if scopes := s.required(c); len(scopes) > 0 {
		values[0] += `, scope="` + strings.Join(scopes, " ") + `"`
	}
	a.header["Www-Authenticate"] = values
	return a
}
