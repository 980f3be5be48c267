// Package weburl says which URLs are acceptable, and which hosts are inside
// this machine or its network.
package weburl

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Check accepts an absolute URL that is https, or http to this machine, or
// any http where that is explicitly wished. Its host is a name in ASCII, or an
// address.
func Check(raw string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Fragment != "" || u.User != nil {
		return nil, errors.New("is not an absolute URL without user and fragment")
	}
	if err := checkHost(u); err != nil {
		return nil, err
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && (insecure || IsLoopback(u.Hostname())):
		return u, nil
	case u.Scheme == "http":
		return nil, errors.New("is http beyond this machine: use https, or set InsecureAllowHTTP")
	}
	return nil, errors.New("is neither https nor http")
}

// checkHost refuses a host that is not what it seems: empty, which the network
// takes for this machine; beyond ASCII, which net/http maps to something else;
// or a number that some resolvers take for an address.
func checkHost(u *url.URL) error {
	host := u.Hostname()
	if host == "" {
		return errors.New("has no host")
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	for i := range len(host) {
		switch c := host[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		case c >= 0x80:
			return fmt.Errorf("has a host beyond ASCII: write it as %s", punycode(host))
		default:
			return errors.New("has a host that is no name")
		}
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(strings.ToLower(last), "0x") {
		return errors.New("has a host that is neither a name nor an address")
	}
	return nil
}

// short keeps what is shown of a host short.
func short(host string) string {
	const most = 200
	if len(host) > most {
		return host[:most] + "…"
	}
	return host
}

// punycode returns a host beyond ASCII as net/http would send it.
func punycode(host string) string {
	var b bytes.Buffer
	req := &http.Request{Method: http.MethodHead, URL: &url.URL{Scheme: "http", Host: host, Path: "/"}}
	if req.Write(&b) != nil {
		return "another name"
	}
	sent, err := http.ReadRequest(bufio.NewReader(&b))
	if err != nil {
		return "another name"
	}
	return short(sent.Host)
}

// IsLoopback reports whether a host is this machine, by its name or address.
func IsLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}

// IsInside reports whether a host is an address inside this machine or its
// network, or a name for one.
func IsInside(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return IsInsideAddr(addr)
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") // also what may be resolved to this machine
}

// inside are the ranges of addresses that are not of the public network, beside
// those that net/netip knows: "this network" (RFC 1122 §3.2.1.3), carrier-grade
// NAT (RFC 6598), protocol assignments (RFC 6890), benchmarks (RFC 2544),
// reserved (RFC 1112 §4), and site-local IPv6 (RFC 3879).
var inside = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("fec0::/10"),
}

// translated are the prefixes of IPv6 addresses with an IPv4 address in them,
// and the byte where that begins: NAT64 (RFC 6052, RFC 8215) and 6to4 (RFC
// 3056).
var translated = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
	{netip.MustParsePrefix("::/96"), 12}, // IPv4-compatible (RFC 4291 §2.5.5.1)
}

// IsInsideAddr reports whether an address is inside this machine or its
// network.
func IsInsideAddr(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() ||
		addr.IsMulticast() {
		return true
	}
	for _, p := range inside {
		if p.Contains(addr) {
			return true
		}
	}
	for _, t := range translated {
		if t.prefix.Contains(addr) {
			b := addr.As16()
			return IsInsideAddr(netip.AddrFrom4([4]byte(b[t.at : t.at+4])))
		}
	}
	return false
}
