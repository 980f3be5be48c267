package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// transportFailure is the lack of an answer. Its text says no more than what
// kind of error it is: a URL, or what a server sent, may hold a secret.
func transportFailure(req *http.Request, err error) *Failure {
	ctx := req.Context()
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	failure := &Failure{Cause: quiet{err, req.URL.Hostname()}, Cut: true}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		failure.Unprocessed = true
	}
	if ctx.Err() != nil {
		failure.Cause = ctx.Err()
		if why := context.Cause(ctx); why != nil && !errors.Is(why, ctx.Err()) {
			failure.Cause = fmt.Errorf("%w: %w", ctx.Err(), why)
		}
	}
	return failure
}

// quiet is an error whose text is reduced to what cannot hold a secret.
type quiet struct {
	error
	host string // that was asked, and that is named elsewhere
}

// Error names the kind of a failure of the network.
func (q quiet) Error() string {
	if text, ok := certificateText(q.error); ok {
		return text
	}
	if redirect, ok := errors.AsType[*RedirectError](q.error); ok {
		return redirect.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](q.error); ok {
		if dns.Name == q.host {
			return "lookup: " + dns.Err
		}
		return dns.Error()
	}
	if op, ok := errors.AsType[*net.OpError](q.error); ok {
		if op.Op == "proxyconnect" { // it wraps what the proxy said
			return "proxyconnect: " + quiet{op.Err, q.host}.Error()
		}
		for { // "readfrom" wraps "write", and names both ends again
			inner, ok := op.Err.(*net.OpError) //nolint:errorlint // the next, not any
			if !ok {
				return op.Error()
			}
			op = inner
		}
	}
	if timeout, ok := errors.AsType[net.Error](q.error); ok && timeout.Timeout() {
		return "timed out"
	}
	switch {
	case errors.Is(q.error, io.EOF), errors.Is(q.error, io.ErrUnexpectedEOF):
		return "the connection was cut before the answer was complete"
	case errors.Is(q.error, http.ErrSchemeMismatch):
		return "the server speaks http where https was expected"
	}
	return fmt.Sprintf("no usable HTTP answer (%T)", q.error)
}

// Unwrap returns the whole error.
func (q quiet) Unwrap() error { return q.error }

// certificateText returns what crypto/tls and crypto/x509 say of a certificate
// or a handshake. They say nothing secret.
func certificateText(err error) (string, bool) {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return oneLine(e.Error()), true
	}
	if e, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return oneLine(e.Error()), true
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return oneLine(e.Error()), true
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return oneLine(e.Error()), true
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return oneLine(e.Error()), true
	}
	return "", false
}

// oneLine makes a text fit for a log line.
func oneLine(text string) string {
	text = strings.Map(printable, text)
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}
