package oauth2grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// Server names the endpoints of an authorization server. Issuer alone is enough: what is left empty is discovered. It is a comparable value.
type Server struct {
	Issuer           string // RFC 8414 §2; exactly as the server spells it
	TokenURL         string // RFC 6749 §3.2
	RefreshURL       string // where refresh requests go instead of TokenURL; zero: there
	AuthURL          string // RFC 6749 §3.1
	DeviceAuthURL    string // RFC 8628 §3.1
	RevocationURL    string // RFC 7009 §2
	IntrospectionURL string // RFC 7662 §2
	UserInfoURL      string // OpenID Connect Core §5.3
	PARURL           string // RFC 9126 §5

	metadata string // the whole document, as discovered; empty: none
}

// endpoint pairs a field with its name in the metadata document.
type endpoint struct {
	field *string
	name  string
}

func (s *Server) endpoints() []endpoint {
	return []endpoint{
		{&s.TokenURL, "token_endpoint"},
		{&s.RefreshURL, ""},
		{&s.AuthURL, "authorization_endpoint"},
		{&s.DeviceAuthURL, "device_authorization_endpoint"},
		{&s.RevocationURL, "revocation_endpoint"},
		{&s.IntrospectionURL, "introspection_endpoint"},
		{&s.UserInfoURL, "userinfo_endpoint"},
		{&s.PARURL, "pushed_authorization_request_endpoint"},
	}
}

// Metadata decodes a member of the metadata document into out and tells whether there is one; never before discovery. The error is that of encoding/json.
func (s Server) Metadata(name string, out any) (bool, error) { return member(s.metadata, name, out) }

// Discover fetches the metadata of the authorization server: RFC 8414 first, then OpenID Connect Discovery. It blocks until the server has answered or ctx
// ends. hc, nil for a default, is not modified; its RoundTripper is used. The issuer in the document must be the one asked for.
func Discover(ctx context.Context, issuer string, hc *http.Client) (Server, error) {
	if ctx == nil {
		return Server{}, errNilContext
	}
	rt, closeIdle := (&Config{HTTPClient: hc}).roundTripper()
	defer closeIdle()
	return discover(ctx, issuer, rt, false)
}

const opDiscovery = "discovery"

func discover(ctx context.Context, issuer string, rt http.RoundTripper, insecure bool) (Server, error) {
	base, err := checkURL(issuer, insecure)
	if err != nil {
		return Server{}, refuse(opDiscovery, "the issuer %w", err)
	}
	hc := &http.Client{Transport: rt, CheckRedirect: sameOriginOnly}
	var problems []error
	for _, location := range wellKnown(base) {
		s, err := fetchMetadata(ctx, hc, location, issuer, base, insecure)
		if err == nil {
			return s, nil
		}
		problems = append(problems, err)
		if ctx.Err() != nil {
			break
		}
	}
	// What may pass by itself comes first, so that a document missing at the other place does not count as a refusal.
	slices.SortStableFunc(problems, func(a, b error) int { return rank(a) - rank(b) })
	return Server{}, errors.Join(problems...)
}

func rank(err error) int {
	if IsTransient(err) {
		return 0
	}
	return 1
}

// wellKnown gives the places of RFC 8414 §3 and OpenID Connect Discovery §4.
func wellKnown(issuer *url.URL) []string {
	path := strings.TrimSuffix(issuer.EscapedPath(), "/")
	origin := issuer.Scheme + "://" + issuer.Host
	return []string{
		origin + "/.well-known/oauth-authorization-server" + path,
		origin + path + "/.well-known/openid-configuration",
	}
}

func sameOriginOnly(req *http.Request, via []*http.Request) error {
	if len(via) >= 5 {
		return errors.New("too many redirects")
	}
	if origin(req.URL) != origin(via[0].URL) {
		return errors.New("redirect to another origin")
	}
	return nil
}

func fetchMetadata(ctx context.Context, hc *http.Client, location, issuer string, base *url.URL, insecure bool) (Server, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return Server{}, refuse(opDiscovery, "the issuer is not a usable URL")
	}
	req.Header.Set("Accept", "application/json")
	answer, failure := wire.Do(hc, req)
	if failure != nil {
		return Server{}, failed(opDiscovery, failure)
	}
	if answer.Status != http.StatusOK {
		return Server{}, &Error{Op: opDiscovery, StatusCode: answer.Status}
	}
	return readMetadata(answer.Body, issuer, base, insecure)
}

func readMetadata(document []byte, issuer string, base *url.URL, insecure bool) (Server, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(document, &members); err != nil {
		return Server{}, &Error{Op: opDiscovery, cause: errors.New("the metadata is not a JSON object")}
	}
	text := func(name string) (value string) { _ = json.Unmarshal(members[name], &value); return value }
	if got := text("issuer"); got != issuer {
		return Server{}, refuse(opDiscovery, "the metadata is that of issuer %q, not of %q: spell Server.Issuer exactly as the server does", printable(got), issuer)
	}
	s := Server{Issuer: issuer, metadata: string(document)}
	for _, e := range s.endpoints() {
		value := text(e.name)
		if value == "" {
			continue
		}
		if err := checkDiscovered(value, base, insecure); err != nil {
			return Server{}, refuse(opDiscovery, "%s in the metadata %w", e.name, err)
		}
		*e.field = value
	}
	return s, nil
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

// fill takes from s what the user left empty in own.
func (s Server) fill(own Server) Server {
	mine := own.endpoints()
	for i, e := range s.endpoints() {
		if *mine[i].field != "" {
			*e.field = *mine[i].field
		}
	}
	return s
}

// supports tells whether the metadata allows value; also when it says nothing.
func (s Server) supports(name, value string) bool {
	var list []string
	found, err := s.Metadata(name, &list)
	return !found || err != nil || slices.Contains(list, value)
}

// checkURL accepts an absolute URL that is https, or http to this machine, or any http where that is explicitly wished.
func checkURL(raw string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("is not an absolute URL without user and fragment")
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && (insecure || isLoopback(u.Hostname())):
		return u, nil
	case u.Scheme == "http":
		return nil, errors.New("is http beyond this machine: use https, or set InsecureAllowHTTP")
	}
	return nil, errors.New("is neither https nor http")
}

// checkDiscovered keeps a metadata document from pointing to where only this machine, or its network, can go, unless the issuer is there.
func checkDiscovered(raw string, issuer *url.URL, insecure bool) error {
	u, err := checkURL(raw, insecure)
	if err != nil {
		return err
	}
	if u.Scheme == "http" && issuer.Scheme == "https" {
		return errors.New("is http although the issuer is https")
	}
	if isInside(u.Hostname()) && !isInside(issuer.Hostname()) {
		return fmt.Errorf("is a loopback or private address (%s) although the issuer is not", u.Hostname())
	}
	return nil
}

func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

func isInside(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") // also what may be resolved to this machine
}
