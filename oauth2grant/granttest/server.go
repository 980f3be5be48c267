package granttest

import (
	"crypto/rand"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Endpoint is the path of an endpoint below the issuer. Faults and the log know
// any other path too; one outside the path of the issuer has "/.." before it.
type Endpoint string

// The endpoints of a [Server].
const (
	Token               Endpoint = "/token"
	Authorize           Endpoint = "/authorize"
	DeviceAuthorization Endpoint = "/device_authorization"
	DeviceVerification  Endpoint = "/device" // where a person enters the user code
	Revocation          Endpoint = "/revoke"
	Introspection       Endpoint = "/introspect"
	UserInfo            Endpoint = "/userinfo"
	PAR                 Endpoint = "/par"
	Discovery           Endpoint = "/.well-known/oauth-authorization-server"
	OpenIDConfiguration Endpoint = "/.well-known/openid-configuration"
	Resource            Endpoint = "/api" // and everything below it
)

// Server is an authorization server and an API in memory. It is an
// [http.Handler], safe for concurrent use. Requests are answered for every host
// alike. There is nothing to close.
type Server struct {
	mu       sync.Mutex
	cfg      Config
	tokens   map[string]*token
	codes    map[string]*code
	pushed   map[string]*pushedRequest
	devices  map[string]*device // by device code
	reused   int
	spent    map[string]bool // by jti
	nonce    string          // that proofs must carry
	scripted map[Endpoint][]Fault
	broken   map[Endpoint]Fault
	chaos    map[Endpoint]chaos
	signing  *Platform // signs ID tokens; nil: not yet needed
	log      []*Request
}

// New makes a server. It opens no socket.
func New(cfg Config) *Server {
	return &Server{
		cfg:      cfg.withDefaults(),
		tokens:   map[string]*token{},
		codes:    map[string]*code{},
		pushed:   map[string]*pushedRequest{},
		devices:  map[string]*device{},
		scripted: map[Endpoint][]Fault{},
		broken:   map[Endpoint]Fault{},
		nonce:    rand.Text(),
		chaos:    map[Endpoint]chaos{},
	}
}

// Issuer returns the issuer identifier, exactly as it was set.
func (s *Server) Issuer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg.Issuer
}

// SetIssuer changes the issuer, for a server whose URL is known only once it
// listens. Call it before the first request.
func (s *Server) SetIssuer(issuer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Issuer = issuer
}

// URL returns the address of an endpoint. That of [Discovery] has the path of
// the issuer at its end (RFC 8414 §3.1).
func (s *Server) URL(endpoint Endpoint) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url(endpoint)
}

func (s *Server) url(endpoint Endpoint) string {
	base := strings.TrimSuffix(s.cfg.Issuer, "/")
	if endpoint == Discovery {
		path := s.issuerPath()
		return strings.TrimSuffix(base, path) + string(Discovery) + path
	}
	if endpoint == ResourceMetadata { // it has the path of the API at its end (RFC 9728 §3.1)
		path := s.issuerPath()
		return strings.TrimSuffix(base, path) + string(ResourceMetadata) + path + string(Resource)
	}
	return base + string(endpoint)
}

func (s *Server) issuerPath() string {
	u, err := url.Parse(s.cfg.Issuer)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(u.Path, "/")
}

// endpoint names the endpoint at a path of a URL.
func (s *Server) endpoint(path string) Endpoint {
	prefix := s.issuerPath()
	if path == string(Discovery)+prefix {
		return Discovery
	}
	rest, inside := strings.CutPrefix(path, prefix)
	switch {
	case path == string(ResourceMetadata)+prefix+string(Resource):
		return ResourceMetadata
	case !inside, Endpoint(rest) == Discovery, Endpoint(rest) == ResourceMetadata:
		return Endpoint("/.." + path)
	case strings.HasPrefix(rest, string(Resource)+"/"):
		return Resource
	case strings.HasPrefix(rest, string(Register)+"/"):
		return Register
	default:
		return Endpoint(rest)
	}
}

func expired(expiry time.Time) bool {
	return !expiry.IsZero() && !time.Now().Before(expiry)
}
