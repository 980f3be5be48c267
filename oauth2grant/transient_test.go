package oauth2grant_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

func TestIsTransient_SeesThroughAnyWrapping(t *testing.T) {
	_, noFile := os.Open(filepath.Join(t.TempDir(), "none"))
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	busy := &oauth2grant.Error{Op: "refresh_token", StatusCode: 503}
	dead := &oauth2grant.Error{Op: "refresh_token", StatusCode: 400, Code: oauth2grant.InvalidGrant}
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"an outage":            {busy, true},
		"a refused connection": {refused, true},
		"a connection that was reset": {
			&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true,
		},
		"a connection that was cut short": {
			&net.OpError{Op: "readfrom", Err: &net.OpError{Op: "write", Err: syscall.EPIPE}}, true,
		},
		"an alert of TLS": {
			&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, false,
		},
		"a name that can't be resolved":   {&net.DNSError{Err: "server misbehaving", Name: "as.example"}, true},
		"a deadline":                      {context.DeadlineExceeded, true},
		"an outage beside an outage":      {errors.Join(busy, refused), true},
		"an outage beside what says none": {errors.Join(busy, errors.New("x")), true},
		"an outage without an answer":     {oauth2grant.Cut(0, refused), true},
		"ErrLoginRequired":                {oauth2grant.ErrLoginRequired, false},
		"ErrLoginRequired for an outage":  {fmt.Errorf("%w: %w", oauth2grant.ErrLoginRequired, busy), false},
		"ErrClosed":                       {oauth2grant.ErrClosed, false},
		"ErrClosed beside an outage":      {errors.Join(oauth2grant.ErrClosed, busy), false},
		"ErrConfig":                       {oauth2grant.ErrConfig, false},
		"ErrAuthorizationTimeout":         {oauth2grant.ErrAuthorizationTimeout, false},
		"a dead refresh token":            {dead, false},
		"a refusal beside an outage":      {errors.Join(busy, dead), false},
		"a redirect":                      {oauth2grant.Failed(301, wire.Redirect(nil)), false},
		"our own word":                    {oauth2grant.Refuse("no: %w", refused), false},
		"a missing file":                  {noFile, false},
		"a missing secret":                {oauth2grant.Own(noFile), false},
		"a secret behind an outage":       {oauth2grant.Own(refused), true},
		"a file that may not be read":     {&fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, false},
		"a link that can't be made":       {&os.LinkError{Op: "rename", Err: syscall.EXDEV}, false},
		"a port that is taken": {
			&net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}, false,
		},
		"a connection that is not allowed": {
			&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EPERM)}, false,
		},
		"an address that is none": {&net.OpError{Op: "dial", Err: &net.AddrError{Err: "missing port"}}, false},
		"an unknown authority":    {oauth2grant.Cut(0, x509.UnknownAuthorityError{}), false},
		"another host's certificate": {
			&tls.CertificateVerificationError{Err: x509.HostnameError{Certificate: &x509.Certificate{}}}, false,
		},
		"a server that speaks no TLS": {
			tls.RecordHeaderError{Msg: "tls: first record does not look like a TLS handshake"}, false,
		},
		"a caller who left": {context.Canceled, false},
		"a code alone":      {oauth2grant.TemporarilyUnavailable, false},
		"anything else":     {errors.New("x"), false},
		"the end of a file": {io.EOF, false},
		"nil":               {nil, false},
	} {
		for how, err := range map[string]error{
			"alone": c.err, "by Errorf": fmt.Errorf("at work: %w", c.err),
			"by Join":     errors.Join(errors.New("x"), c.err),
			"by a client": &url.Error{Op: "Get", URL: "https://api.example", Err: c.err},
		} {
			if name == "the end of a file" && how == "by a client" {
				continue // there it is a connection that was cut
			}
			if got := oauth2grant.IsTransient(err); got != c.want {
				t.Errorf("%s, %s: got %v", name, how, got)
			}
		}
	}
	if !oauth2grant.IsTransient(&url.Error{Op: "Get", URL: "https://api.example", Err: io.EOF}) {
		t.Error("a connection that was cut is not transient")
	}
}

func TestError_NamesItsServerAndTheReasonOnce(t *testing.T) {
	of := func(tokenURL string, hc *http.Client) error {
		c := newClient(t, oauth2grant.Config{
			Server: oauth2grant.Server{TokenURL: tokenURL}, Auth: oauth2grant.SecretBasic("client", "secret-of-client"),
			HTTPClient: hc,
		})
		_, err := c.RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
		return err
	}
	says := func(status int, body string) *http.Client {
		return &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{
				StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
			}, nil
		})}
	}
	fails := func(err error) *http.Client {
		return &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) { return nil, err })}
	}
	const at = "oauth2grant: client_credentials at as.example: "
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"a code": {
			of("https://as.example/t?key=K", says(400, `{"error":"invalid_scope"}`)), at + "invalid_scope (HTTP 400)",
		},
		"words": {
			of("https://as.example/t", says(400, `{"error":"invalid_scope","error_description":"what?"}`)),
			at + "invalid_scope: what? (HTTP 400)",
		},
		"an object": {
			of("https://as.example/t", says(400, `{"error":{"message":"too old","type":"OAuthException"}}`)),
			at + "OAuthException: too old (HTTP 400)",
		},
		"a message":  {of("https://as.example/t", says(200, `{"message":"not you"}`)), at + "not you (HTTP 200)"},
		"a sentence": {of("https://as.example/t", says(403, `Forbidden`)), at + "Forbidden (HTTP 403)"},
		"a page":     {of("https://as.example/t", says(503, `<html>`)), at + "no OAuth error in the answer (HTTP 503)"},
		"no token":   {of("https://as.example/t", says(200, `{}`)), at + "the answer has no access token (HTTP 200)"},
		"HTML": {
			of("https://as.example/t", says(200, `<html>`)),
			at + "the answer is neither a JSON object nor a form (HTTP 200)",
		},
		"a bomb": {
			of("https://as.example/t", says(200, strings.Repeat(" ", 2<<20))),
			at + "the answer is larger than 1 MiB (HTTP 200)",
		},
		"no such host": {
			of("https://as.example/t", fails(&net.OpError{
				Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "as.example"},
			})),
			at + "lookup: no such host",
		},
		"a cut": {
			of("https://as.example/t", fails(io.ErrUnexpectedEOF)),
			at + "the connection was cut before the answer was complete",
		},
		"an unknown authority": {
			of("https://as.example/t", fails(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}})),
			at + "tls: failed to verify certificate: x509: certificate signed by unknown authority",
		},
		"another port": {
			of("https://as.example:8443/t", says(400, `{"error":"x"}`)),
			"oauth2grant: client_credentials at as.example:8443: x (HTTP 400)",
		},
		"an unknown type": {
			of("https://as.example/t", says(200, `{"access_token":"A","token_type":"mac"}`)),
			at +
				`the server issued a token of unknown type "mac": set Config.Scheme to what its API expects (HTTP 200)`,
		},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%s: got  %v\nwant %s", name, c.err, c.want)
		}
	}
}

func TestError_ExtraHasTheOtherMembers(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Token,
		granttest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_description":"second factor",` +
			`"error_codes":[50079],"suberror":"basic_action","claims":"{\"access_token\":{}}"}`})
	_, err := newClient(t, configFor(srv)).Refresh(t.Context(), "a-refresh-token", nil)
	e := isFailure(t, err)
	var claims, suberror string
	var codes []int
	for name, out := range map[string]any{"claims": &claims, "suberror": &suberror, "error_codes": &codes} {
		if found, err := e.Extra(name, out); !found || err != nil {
			t.Errorf("%s: %v %v", name, found, err)
		}
	}
	if claims != `{"access_token":{}}` || suberror != "basic_action" || len(codes) != 1 {
		t.Errorf("got %q %q %v", claims, suberror, codes)
	}
	if found, err := e.Extra("error", &claims); found || err != nil {
		t.Errorf("error: %v %v", found, err)
	}
	if strings.Contains(fmt.Sprintf("%v %+v %#v", e, e, e), "basic_action") {
		t.Error("a member is part of the text")
	}
}
