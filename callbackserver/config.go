package callbackserver

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Config says where a [Server] listens and what it shows. Its zero value is
// 127.0.0.1, a free port and /callback, with the built-in pages.
type Config struct {
	// Name is what the person knows the program by. The built-in pages say it;
	// if empty, they say "the program".
	Name string

	// Addr is the loopback IP address to bind: 127.0.0.1 (also when empty),
	// ::1, or another one of 127.0.0.0/8. Host names are refused, and so are
	// other addresses unless AllowNonLoopback is set.
	Addr string

	// AllowNonLoopback permits an Addr that others may reach, such as 0.0.0.0.
	// It is safe only where something else keeps them out: within a container
	// whose port is published on the loopback interface of its host. The
	// redirect URI still names 127.0.0.1, or localhost with Localhost, and the
	// port that is bound; where the published port is another one, set
	// RedirectURI.
	AllowNonLoopback bool

	// Ports are tried in order, and the first free one is taken; 0 stands for
	// any free port. Empty means any free port (RFC 8252 §7.3), which most
	// authorization servers accept.
	Ports []int

	// Path is the path at which answers arrive: absolute, clean, and free of
	// characters that a URL has to escape. Empty means that of RedirectURI or,
	// without one, /callback.
	Path string

	// RedirectURI is the redirect URI as it is registered with the
	// authorization server, where that is not what the server listens on:
	// behind a proxy, or in a container. It is an https URL, or an http URL of
	// this machine, without a fragment. Whatever stands there must pass on
	// requests for it, and for what is below its path, with the Host header of
	// either side; where it changes the path, set Path too. Empty means the
	// address that is bound.
	RedirectURI string

	// Localhost puts "localhost" into the redirect URI in place of the IP
	// address, for registrations that insist on it (RFC 8252 §8.3 advises
	// against it). Addr must then be 127.0.0.1 or ::1. Both are bound, on one
	// port, unless the machine lacks one of the two, since a browser may try
	// either.
	Localhost bool

	// Success replaces the page shown after an answer without an error.
	// Its request is a GET that carries neither code nor state. It must return
	// when the request's context ends, within 10 s, and must not call
	// [Server.Close]; a panic ends its connection, as usual in net/http. It may
	// override the security headers that are already set on its response; they
	// forbid scripts and everything external.
	// Nil means the built-in page.
	Success http.Handler

	// Failure is the same for an answer with an error. Its request has the
	// query parameters error and, where the server sent one, error_description,
	// both stripped of unprintable characters and limited in length, to be
	// escaped by the handler like any foreign text. Nil means the built-in
	// page.
	Failure http.Handler
}

const defaultPath = "/callback"

// settings is a Config whose every field has been checked.
type settings struct {
	Config
	addr       netip.Addr // to bind
	registered *url.URL   // the RedirectURI; nil: there is none
}

// normalize returns cfg with its defaults, or an error with all its problems.
func (cfg Config) normalize() (settings, error) {
	var problems []error
	check := func(err error) { problems = append(problems, err) }

	s := settings{Config: cfg}
	if s.RedirectURI != "" {
		registered, err := checkRedirectURI(s.RedirectURI)
		check(err)
		s.registered = registered
	}
	if s.Addr == "" {
		s.Addr = loopback4.String()
	}
	if s.Path == "" {
		s.Path = defaultPath
		if s.registered != nil {
			s.Path = cmp.Or(s.registered.EscapedPath(), "/")
		}
	}
	if len(s.Ports) == 0 {
		s.Ports = []int{0}
	}
	s.Ports = slices.Clone(s.Ports)

	addr, err := s.checkAddr()
	s.addr = addr
	check(err)
	check(checkPath(s.Path))
	check(checkPorts(s.Ports))
	return s, errors.Join(problems...)
}

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

func (cfg Config) checkAddr() (netip.Addr, error) {
	addr, err := netip.ParseAddr(cfg.Addr)
	addr = addr.Unmap()
	switch {
	case err != nil || addr.Zone() != "":
		return addr, fmt.Errorf(
			"callbackserver: Addr %q is not an IP address; use 127.0.0.1 or ::1, and Localhost to advertise a "+
				"name", cfg.Addr)
	case !addr.IsLoopback() && !cfg.AllowNonLoopback:
		return addr, fmt.Errorf(
			"callbackserver: Addr %s is not a loopback address; use 127.0.0.1 or ::1, or set AllowNonLoopback in a "+
				"container", addr)
	case cfg.Localhost && addr.IsLoopback() && addr != loopback4 && addr != loopback6:
		return addr, fmt.Errorf("callbackserver: Addr %s is not what localhost stands for; use 127.0.0.1 or ::1", addr)
	}
	return addr, nil
}

func checkRedirectURI(raw string) (*url.URL, error) {
	refuse := func(why string) (*url.URL, error) {
		return nil, fmt.Errorf(
			"callbackserver: RedirectURI %s; use https, or http at 127.0.0.1, [::1] or localhost, without user and "+
				"fragment", why)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return refuse("is not an absolute URL")
	case u.User != nil:
		return refuse("has a user")
	case strings.Contains(raw, "#"):
		return refuse("has a fragment")
	case u.Scheme == "http" && !isLoopbackHost(u.Hostname()):
		return refuse("is http beyond this machine")
	case u.Scheme != "http" && u.Scheme != "https":
		return refuse("is neither https nor http")
	}
	return u, nil
}

func isLoopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback() || strings.EqualFold(host, "localhost")
}

func checkPath(p string) error {
	clean := path.Clean(p)
	isClean := p == clean || clean != "/" && p == clean+"/"
	if !strings.HasPrefix(p, "/") || !isClean || (&url.URL{Path: p}).EscapedPath() != p {
		return fmt.Errorf(
			"callbackserver: Path %q is not an absolute, clean path without characters to escape; use one like "+
				"%s", p, defaultPath)
	}
	return nil
}

func checkPorts(ports []int) error {
	for _, port := range ports {
		if port < 0 || port > 65535 {
			return fmt.Errorf("callbackserver: port %d is out of range; use 0 to 65535", port)
		}
	}
	return nil
}
