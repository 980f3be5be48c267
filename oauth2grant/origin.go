package oauth2grant

import (
	"net/url"
	"strings"
)

// webOrigin is the origin of a URL (RFC 6454 §4): comparable by ==. Its letters
// are in lower case by ASCII alone. Unicode knows letters that become an ASCII
// one in lower case, and whose host is another all the same: such a name is
// equal to itself only.
type webOrigin struct{ scheme, host, port string }

// originOf returns the origin of u. It allocates only where u has letters in
// upper case.
func originOf(u *url.URL) webOrigin {
	o := webOrigin{lowerASCII(u.Scheme), lowerASCII(u.Hostname()), u.Port()}
	if o.port == "" {
		switch o.scheme {
		case "https":
			o.port = "443"
		case "http":
			o.port = "80"
		}
	}
	return o
}

// String returns the origin with its port, also where that is the default one.
func (o webOrigin) String() string {
	host := o.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return o.scheme + "://" + host + ":" + o.port
}

// origin returns the origin of u as text.
func origin(u *url.URL) string { return originOf(u).String() }

// origins returns the origins of the URLs of Config.Origins, which has been
// validated.
func origins(urls []string) []webOrigin {
	var all []webOrigin
	for _, raw := range urls {
		if u, err := url.Parse(raw); err == nil {
			all = append(all, originOf(u))
		}
	}
	return all
}

// lowerASCII returns s with its ASCII letters in lower case, and s itself where
// it has none in upper case.
func lowerASCII(s string) string {
	isUpper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	for i := range len(s) {
		if isUpper(s[i]) {
			lower := []byte(s)
			for i, c := range lower {
				if isUpper(c) {
					lower[i] = c + 'a' - 'A'
				}
			}
			return string(lower)
		}
	}
	return s
}
