package oauth2grant

import (
	"errors"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// metaAliases is the member of a metadata document with the endpoints at which
// a client is asked for its certificate (RFC 8705 §5).
const metaAliases = "mtls_endpoint_aliases"

var errNoCertificate = errors.New(
	"Server.MTLS is set, but HTTPClient is nil: give one whose transport has the client's certificate")

// readAliases reads the aliases of endpoints. One that is not acceptable is
// left out, with the reason kept. The authorization endpoint has none: it is
// for browsers.
func (m *metadata) readAliases(base *url.URL, insecure bool) {
	members, err := wire.ReadMembers(m.members[metaAliases])
	if err != nil {
		return
	}
	m.aliases = map[string]string{}
	for _, e := range (&Server{}).endpoints() {
		value := members.Text(e.name)
		if e.name == "" || e.name == metaAuthEndpoint || value == "" {
			continue
		}
		if err := checkDiscovered(value, base, insecure); err != nil {
			m.refused[metaAliases+"."+e.name] = err
			m.aliases[e.name] = ""
			continue
		}
		m.aliases[e.name], m.named[naming{e.name, value}] = value, true
	}
}

// aliased returns s with the aliases in the place of the endpoints that its
// metadata names, where that is wished. For an alias that is not acceptable
// there is no endpoint: the other would not ask for the certificate.
func (s Server) aliased() Server {
	if !s.MTLS || s.metadata == nil {
		return s
	}
	for _, e := range s.endpoints() {
		alias, ok := s.metadata.aliases[e.name]
		if ok && (*e.field == "" || s.metadata.names(e)) {
			*e.field = alias
		}
	}
	return s
}
