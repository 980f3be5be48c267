package callbackserver

import (
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
	// Addr is the loopback IP address to bind: 127.0.0.1 (also when empty), ::1,
	// or another one of 127.0.0.0/8. Host names and other addresses are refused.
	Addr string

	// Ports are tried in order, and the first free one is taken; 0 stands for
	// any free port. Empty means any free port (RFC 8252 §7.3), which most
	// authorization servers accept.
	Ports []int

	// Path is the path of the redirect URI: absolute, clean, and free of
	// characters that a URL has to escape. Empty means /callback.
	Path string

	// Localhost puts "localhost" into the redirect URI in place of the IP address,
	// for registrations that insist on it (RFC 8252 §8.3 advises against it).
	// Addr must then be 127.0.0.1 or ::1. Both are bound, on one port, unless the
	// machine lacks one of the two, since a browser may try either.
	Localhost bool

	// Success replaces the page shown after an answer without an error.
	// Its request is a GET that carries neither code nor state. It must return
	// when the request's context ends, within 10 s, and must not call
	// [Server.Close]; a panic ends its connection, as usual in net/http. It may
	// override the security headers that are already set on its response; they
	// forbid scripts and everything external.
	// Nil means the built-in page.
	Success http.Handler

	// Failure is the same for an answer with an error. Its request has the query
	// parameters error and, where the server sent one, error_description, both
	// stripped of unprintable characters and limited in length, to be escaped by
	// the handler like any foreign text. Nil means the built-in page.
	Failure http.Handler
}

const defaultPath = "/callback"

// normalize returns cfg with its defaults, and the address to bind.
func (cfg Config) normalize() (Config, netip.Addr, error) {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1"
	}
	if cfg.Path == "" {
		cfg.Path = defaultPath
	}
	if len(cfg.Ports) == 0 {
		cfg.Ports = []int{0}
	}
	cfg.Ports = slices.Clone(cfg.Ports)

	addr, addrErr := loopback(cfg.Addr)
	if addrErr == nil && cfg.Localhost && addr != loopback4 && addr != loopback6 {
		addrErr = fmt.Errorf("callbackserver: Addr %s is not what localhost stands for; use 127.0.0.1 or ::1", addr)
	}
	return cfg, addr, errors.Join(addrErr, checkPath(cfg.Path), checkPorts(cfg.Ports))
}

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

func loopback(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil || !addr.IsLoopback() || addr.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("callbackserver: Addr %q is not a loopback IP address; use 127.0.0.1 or ::1, and Localhost to advertise a name", s)
	}
	return addr.Unmap(), nil
}

func checkPath(p string) error {
	clean := path.Clean(p)
	isClean := p == clean || clean != "/" && p == clean+"/"
	if !strings.HasPrefix(p, "/") || !isClean || (&url.URL{Path: p}).EscapedPath() != p {
		return fmt.Errorf("callbackserver: Path %q is not an absolute, clean path without characters to escape; use one like %s", p, defaultPath)
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
