package oidcverify

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// LogoutURL returns where to send the browser of somebody who signs out, so
// that they are signed out at the server too (OpenID Connect RP-Initiated
// Logout 1.0 §2). It contains the ID token of t as the hint whose session ends,
// and must not be logged.
//
// back is where the server sends the browser afterwards, as registered there;
// if empty, the browser stays at the server. state comes back with it; it is
// the caller's to draw and to compare.
//
// Call [oauth2grant.Grant.Revoke] as well: the end of the session at the server
// need not be the end of its tokens. The error wraps [errors.ErrUnsupported]
// where the metadata names no end_session_endpoint.
func (v *Verifier) LogoutURL(ctx context.Context, t oauth2grant.Token, back, state string) (string, error) {
	server, err := v.client.Server(ctx)
	if err != nil {
		return "", err
	}
	to, err := v.endpoint(server, "end_session_endpoint")
	if err != nil {
		return "", err
	}
	u, err := url.Parse(to)
	if err != nil {
		return "", errors.New("oidcverify: end_session_endpoint is not a usable URL")
	}
	query := u.Query()
	query.Set("client_id", v.client.ClientID())
	for name, value := range map[string]string{
		"id_token_hint": t.IDToken, "post_logout_redirect_uri": back, "state": state,
	} {
		if value != "" && (name != "state" || back != "") {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// endpoint returns a URL of the metadata that oauth2grant does not read itself.
// It is held to the same rule: https, or on this machine if the issuer is.
func (v *Verifier) endpoint(server oauth2grant.Server, name string) (string, error) {
	var raw string
	if ok, err := server.Metadata(name, &raw); err != nil || !ok || raw == "" {
		return "", fmt.Errorf("oidcverify: the server's metadata has no %s: %w", name, errors.ErrUnsupported)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return "", fmt.Errorf("oidcverify: %s in the metadata is not a usable URL", name)
	}
	issuer, err := url.Parse(server.Issuer)
	local := err == nil && isLoopback(issuer.Hostname()) && isLoopback(u.Hostname())
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return "", fmt.Errorf("oidcverify: %s in the metadata is not https", name)
	}
	return raw, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
