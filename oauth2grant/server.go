package oauth2grant

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// Server names the endpoints of an authorization server. Issuer alone is
// enough: what is left empty is discovered. It is a comparable value.
type Server struct {
	// Issuer is the issuer identifier (RFC 8414 §2), spelled exactly as the
	// server spells it.
	Issuer string
	// TokenURL is the token endpoint (RFC 6749 §3.2). Where it is set, nothing
	// that the metadata says of token requests keeps one from being made.
	TokenURL string
	// RefreshURL is where refresh requests go instead of TokenURL; if empty,
	// they go to TokenURL.
	RefreshURL string
	// AuthURL is the authorization endpoint (RFC 6749 §3.1).
	AuthURL string
	// DeviceAuthURL is the device authorization endpoint (RFC 8628 §3.1).
	DeviceAuthURL string
	// RevocationURL is the revocation endpoint (RFC 7009 §2).
	RevocationURL string
	// IntrospectionURL is the introspection endpoint (RFC 7662 §2).
	IntrospectionURL string
	// UserInfoURL is the user info endpoint (OpenID Connect Core §5.3).
	UserInfoURL string
	// PARURL is the endpoint of pushed authorization requests (RFC 9126 §5).
	PARURL string

	// SubjectClaim is the claim of the user info that identifies the person,
	// at a server that has no "sub", such as "id"; if empty, it is "sub".
	SubjectClaim string
	// NoRefresh says that the server issues no refresh tokens, or takes none:
	// a refresh fails with [errors.ErrUnsupported] and is not sent.
	NoRefresh bool
	// MTLS says that the client has a certificate of its own, in the transport
	// of [Config].HTTPClient, for its authentication or to have tokens bound to
	// it (RFC 8705): where the metadata has mtls_endpoint_aliases, requests go
	// there. Endpoints that are named here are used as they are.
	MTLS bool
	// RequireIss refuses an answer to an authorization request that does not
	// name its issuer (RFC 9207), even if the metadata does not promise that it
	// will. Where the metadata does, it is always refused.
	RequireIss bool

	metadata *metadata // as discovered; nil: it was not
}

// endpoint pairs a field of Server with its names in Go and in a metadata
// document.
type endpoint struct {
	field        *string
	goName, name string
}

func (s *Server) endpoints() []endpoint {
	return []endpoint{
		{&s.TokenURL, "TokenURL", "token_endpoint"},
		{&s.RefreshURL, "RefreshURL", ""},
		{&s.AuthURL, "AuthURL", metaAuthEndpoint},
		{&s.DeviceAuthURL, "DeviceAuthURL", "device_authorization_endpoint"},
		{&s.RevocationURL, "RevocationURL", "revocation_endpoint"},
		{&s.IntrospectionURL, "IntrospectionURL", "introspection_endpoint"},
		{&s.UserInfoURL, "UserInfoURL", "userinfo_endpoint"},
		{&s.PARURL, "PARURL", "pushed_authorization_request_endpoint"},
	}
}

// endpointPicked returns the endpoint whose field pick returns.
func endpointPicked(pick func(Server) string) endpoint {
	for i := range (&Server{}).endpoints() {
		var probe Server
		e := probe.endpoints()[i]
		*e.field = e.goName
		if pick(probe) != "" {
			return e
		}
	}
	return endpoint{}
}

// missing is the error for an endpoint that nobody named.
func (s Server) missing(op string, e endpoint) *Error {
	if s.metadata == nil {
		return refuse(op, "the server has no such endpoint, unless Server.%s names it: %w",
			e.goName, errors.ErrUnsupported)
	}
	names := []string{e.name}
	if s.MTLS {
		names = []string{metaAliases + "." + e.name, e.name}
	}
	for _, name := range names {
		if why := s.metadata.refused[name]; why != nil {
			return refuse(op, "%s in the metadata %w: set Server.%s if it is right: %w",
				name, why, e.goName, errors.ErrUnsupported)
		}
	}
	return refuse(op, "the server's metadata has no %s: set Server.%s if there is one: %w",
		e.name, e.goName, errors.ErrUnsupported)
}

// Metadata decodes a member of the metadata document into out and reports
// whether there is one; there is none before discovery, and null counts as
// none. The error is that of encoding/json.
func (s Server) Metadata(name string, out any) (bool, error) {
	if s.metadata == nil || !s.metadata.members.Has(name) {
		return false, nil
	}
	return true, s.metadata.decode(name, out)
}

// supports reports whether the metadata allows value, which it does also where
// it says nothing.
func (s Server) supports(name, value string) bool {
	if s.metadata == nil || !s.metadata.members.Has(name) {
		return true
	}
	list := s.metadata.list(name)
	return list == nil || slices.Contains(list, value) ||
		value == OpDeviceCode && slices.Contains(list, "device_code")
}

// fill returns s, as discovered, with what is in own, which the user said or
// another document did.
func (s Server) fill(own Server) Server {
	s.SubjectClaim, s.NoRefresh = own.SubjectClaim, own.NoRefresh
	s.MTLS, s.RequireIss = own.MTLS, own.RequireIss
	s = s.aliased()
	m := *s.metadata
	m.named = map[naming]bool{}
	m.inside = m.inside || own.metadata != nil && own.metadata.inside
	mine := own.endpoints()
	for i, e := range s.endpoints() {
		by := s.metadata
		if *mine[i].field != "" {
			*e.field, by = *mine[i].field, own.metadata
		}
		if by.names(e) {
			m.named[naming{e.name, *e.field}] = true
		}
	}
	s.metadata = &m
	return s
}

// printable makes a server's text fit for an error.
func printable(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// hostOf returns the host of a URL in lower case, empty where there is none.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return lowerASCII(u.Hostname())
}

// problems are those of the URLs in s.
func (s Server) problems(insecure bool) []error {
	var all []error
	if s.Issuer == "" && s.TokenURL == "" {
		all = append(all, errors.New("Server has neither Issuer nor TokenURL"))
	}
	if s.Issuer != "" {
		if _, err := checkURL(s.Issuer, insecure); err != nil {
			all = append(all, fmt.Errorf("Server.Issuer %w", err))
		}
	} else if s.RequireIss {
		all = append(all, errors.New("Server.RequireIss is set without an Issuer to compare with"))
	}
	for _, e := range s.endpoints() {
		if *e.field == "" {
			continue
		}
		if _, err := checkURL(*e.field, insecure); err != nil {
			all = append(all, fmt.Errorf("%s %w", "Server."+e.goName, err))
		}
	}
	return all
}
