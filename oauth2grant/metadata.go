package oauth2grant

import (
	"encoding/json"
	"errors"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

const (
	metaAuthMethods = "token_endpoint_auth_methods_supported"
	metaGrantTypes  = "grant_types_supported"
	metaPKCE        = "code_challenge_methods_supported"

	metaAuthEndpoint = "authorization_endpoint"
)

// metadata is a metadata document (RFC 8414 §3.2), read once. It is immutable.
type metadata struct {
	members wire.Members
	lists   map[string][]string // those that are asked for often
	refused map[string]error    // endpoints that are not acceptable, by name
	aliases map[string]string   // of endpoints, by name; empty: it is not acceptable
	named   map[naming]bool     // the endpoints that come from this document, or from one before it
	inside  bool                // the issuer is inside this machine or its network
}

// naming is an endpoint, by its name in a metadata document, and its URL.
type naming struct{ name, url string }

// names reports whether e, as it stands, comes from a document. What does not
// was named by the user.
func (m *metadata) names(e endpoint) bool { return m != nil && m.named[naming{e.name, *e.field}] }

// decode decodes one member.
func (m *metadata) decode(name string, out any) error { return json.Unmarshal(m.members[name], out) }

// list returns a list of strings, nil where the member is no list.
func (m *metadata) list(name string) []string {
	if list, ok := m.lists[name]; ok {
		return list
	}
	return readList(m.members, name)
}

// readMetadata reads the document of an issuer. An endpoint in it that is not
// acceptable is left out, with the reason kept for whoever needs it.
func readMetadata(document []byte, issuer string, base *url.URL, g *guard, insecure bool) (Server, error) {
	members, err := wire.ReadMembers(document)
	if err != nil {
		return Server{}, &Error{Op: OpDiscovery, cause: errors.New("the metadata is not a JSON object")}
	}
	if got := members.Text("issuer"); got != issuer {
		return Server{}, refuse(OpDiscovery,
			"the metadata is that of issuer %q, not of %q: spell Server.Issuer exactly as the server does",
			issuerText(got), issuer)
	}
	m := &metadata{
		members: members, lists: map[string][]string{}, refused: map[string]error{}, named: map[naming]bool{},
		inside: isInside(base.Hostname()) || g.issuerInside(),
	}
	for _, name := range []string{metaAuthMethods, metaGrantTypes, metaPKCE} {
		m.lists[name] = readList(members, name)
	}
	s := Server{Issuer: issuer, metadata: m}
	for _, e := range s.endpoints() {
		value := members.Text(e.name)
		if e.name == "" || value == "" { // RefreshURL is the user's alone
			continue
		}
		if err := checkDiscovered(value, base, insecure); err != nil {
			m.refused[e.name] = err
			continue
		}
		*e.field, m.named[naming{e.name, value}] = value, true
	}
	m.readAliases(base, insecure)
	return s, nil
}

// readList keeps apart a list that is empty, which forbids everything, from
// what is no list, which forbids nothing.
func readList(m wire.Members, name string) []string {
	if raw := m[name]; len(raw) == 0 || raw[0] != '[' {
		return nil
	}
	return append([]string{}, m.List(name)...)
}

// issuerText returns an issuer for an error: without what no issuer has, and
// what may be a secret, such as a password or a query.
func issuerText(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "(no URL)"
	}
	return printable(u.Scheme + "://" + u.Host + u.Path) // as it is spelled: with {tenantid}
}
