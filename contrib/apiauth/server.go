package apiauth

import (
	"context"
	"slices"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// server is what an authorization server says of what matters here.
type server struct {
	issuer        string
	guessed       bool     // it says nothing
	registration  string   // its registration endpoint; empty: none
	readsMetadata bool     // client metadata documents
	scopes        []string // that it has
	methods       []string // of client authentication
}

// discover reads the metadata of an authorization server (RFC 8414).
func (a *Auth) discover(ctx context.Context, issuer string) (server, error) {
	found, err := oauth2grant.Discover(ctx, issuer, a.hc)
	if err != nil {
		return server{}, err
	}
	s := server{issuer: issuer}
	for name, out := range map[string]any{
		"registration_endpoint":                 &s.registration,
		"client_id_metadata_document_supported": &s.readsMetadata,
		"scopes_supported":                      &s.scopes,
		"token_endpoint_auth_methods_supported": &s.methods,
	} {
		_, _ = found.Metadata(name, out) // what can't be read is not said
	}
	return s, nil
}

// guess is a server that says nothing, on the API's own origin.
func (a *Auth) guess() server {
	origin := a.ownIssuer()
	return server{issuer: origin, guessed: true, registration: origin + "/register"}
}

func (a *Auth) ownIssuer() string { return a.api.Scheme + "://" + a.api.Host }

// authMethod returns how a client is to authenticate: a program on the machine
// of its user keeps no secret (RFC 8252 §8.5) where it need not.
func (s server) authMethod() string {
	for _, method := range []string{methodNone, methodBasic, methodPost} {
		if s.methods == nil || slices.Contains(s.methods, method) {
			return method
		}
	}
	return methodNone
}

const offlineAccess = "offline_access"

// scopes returns what to ask for: what the API demands now, else all that its
// metadata names, and what the user wants besides; offline_access only where
// the server offers it, and not alone, since the server would then grant
// nothing else.
func (a *Auth) scopes(d demand, r resource, s server) []string {
	scopes := d.scopes
	if len(scopes) == 0 {
		scopes = r.Scopes
	}
	scopes = union(scopes, a.cfg.Scopes)
	if len(scopes) > 0 && a.cfg.Flow.Interactive() && slices.Contains(s.scopes, offlineAccess) {
		scopes = union(scopes, []string{offlineAccess})
	}
	return scopes
}
