package oauth2grant

import (
	"errors"
	"net/url"
	"strings"
)

// outOfBand are the redirect URIs by which some servers show the code to the
// person, who pastes it.
var outOfBand = []string{"urn:ietf:wg:oauth:2.0:oob", "urn:ietf:wg:oauth:2.0:oob:auto"}

// checkRedirectURI accepts where an answer may go: to an https URL, to an http
// URL of this machine, or of any other where that is wished, and to a
// private-use scheme, which begins with a domain name (RFC 8252 §7). The error
// completes a sentence.
func checkRedirectURI(raw string, insecure bool) error {
	for _, known := range outOfBand {
		if raw == known {
			return nil
		}
	}
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return errors.New("is empty")
	case err != nil || u.Scheme == "" || !isPlainASCII(raw):
		return errors.New("is not an absolute URI")
	case strings.Contains(raw, "#"):
		return errors.New("has a fragment (RFC 6749 §3.1.2)")
	case u.User != nil:
		return errors.New("has a user")
	case u.Scheme == "http" || u.Scheme == "https":
		_, err := checkURL(raw, insecure)
		return err
	case !strings.Contains(u.Scheme, "."):
		return errors.New(
			"is neither https, nor http on this machine, nor of a private-use scheme like com.example.app (RFC 8252 " +
				"§7.1)")
	}
	return nil
}

// isPlainASCII reports whether s has nothing but the visible characters of
// ASCII without those that no URL has.
func isPlainASCII(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) {
			return false
		}
	}
	return true
}
