package oauth2grant

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/internal/weburl"
)

// This file says which URLs are acceptable: those of a Config, and those that a
// metadata document names.

func checkURL(raw string, insecure bool) (*url.URL, error) { return weburl.Check(raw, insecure) }

func isLoopback(host string) bool { return weburl.IsLoopback(host) }

func isInside(host string) bool { return weburl.IsInside(host) }

func isInsideAddr(addr netip.Addr) bool { return weburl.IsInsideAddr(addr) }

// checkDiscovered keeps a metadata document from pointing to where only this
// machine, or its network, can go, unless the issuer is there.
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
