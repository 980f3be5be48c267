package oauth2grant

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"syscall"
)

// IsTransient reports whether trying again later can help without anybody
// changing anything: the server, or the store, was busy or out of reach, or the
// server gave no usable answer. It sees through any wrapping, that of
// [http.Client] and errors.Join included: one of the errors in err must say so,
// and none the contrary. The contrary is said by [ErrLoginRequired],
// [ErrClosed], [ErrConfig], [ErrAuthorizationTimeout], a refusal by the server,
// and the error of a file, of an address to listen on, or of a certificate that
// does not verify. An error that it does not know counts for nothing: alone it
// is not transient, and beside an outage it changes nothing.
func IsTransient(err error) bool {
	var w weight
	w.weigh(err)
	return w.later && !w.final
}

// weight is what the errors of a tree say together.
type weight struct{ later, final bool }

func (w *weight) weigh(err error) {
	switch err {
	case nil:
		return
	//nolint:errorlint // the tree is walked here
	case ErrLoginRequired, ErrClosed, ErrConfig, ErrAuthorizationTimeout:
		w.final = true
		return
	case context.DeadlineExceeded:
		w.later = true
		return
	}
	switch e := err.(type) { //nolint:errorlint // the same
	case *Error:
		w.answered(e)
		return
	case *url.Error:
		w.request(e)
		return
	case *net.OpError:
		w.network(e)
		return
	case *net.DNSError:
		w.later = true
		return
	case *fs.PathError, *os.LinkError, *os.SyscallError:
		w.final = true
		return
	}
	if isCertificate(err) {
		w.final = true
		return
	}
	switch e := err.(type) { //nolint:errorlint // the same
	case interface{ Unwrap() error }:
		w.weigh(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			w.weigh(inner)
		}
	case net.Error:
		w.later = w.later || e.Timeout()
	}
}

// answered weighs an answer, or the lack of one.
func (w *weight) answered(e *Error) {
	switch {
	case e.own:
		w.weigh(e.cause)
	case !e.transient(), isMisconfigured(e.cause):
		w.final = true
	default:
		w.later = true
	}
}

// request weighs what came of a request of an [http.Client].
func (w *weight) request(e *url.Error) {
	if e.Err == io.EOF || e.Err == io.ErrUnexpectedEOF { //nolint:errorlint // as net/http has them
		w.later = true
		return
	}
	w.weigh(e.Err)
}

// network weighs a failure of the network.
func (w *weight) network(e *net.OpError) {
	w.final = w.final || isMisconfigured(e)
	w.later = true
}

// isMisconfigured reports whether a failed connection will not come about by
// itself.
func isMisconfigured(err error) bool {
	if err == nil {
		return false
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		switch op.Op {
		case "listen", "remote error", "local error": // the last two are of TLS
			return true
		}
	}
	_, parse := errors.AsType[*net.ParseError](err)
	_, address := errors.AsType[*net.AddrError](err)
	_, inside := errors.AsType[*insideError](err)
	return parse || address || inside || isCertificate(err) ||
		errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM)
}

// isCertificate reports whether a certificate did not verify, or the other side
// does not speak TLS.
func isCertificate(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, record := errors.AsType[tls.RecordHeaderError](err)
	return verification || authority || host || invalid || record
}
