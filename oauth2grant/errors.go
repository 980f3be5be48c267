package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

var (
	// ErrClosed comes from every call on a Grant or Pool that was closed, or whose context has ended; then it wraps context.Cause.
	ErrClosed = engine.ErrClosed
	// ErrNoToken comes from a Store that holds no token, and from nothing else.
	ErrNoToken = errors.New("oauth2grant: the store holds no token")
	// ErrSignedOut is the ErrNoToken of a [Store] that remembers that its token
	// was deleted, and so tells a sign-out from a store that was wiped.
	ErrSignedOut = fmt.Errorf("%w: it was deleted by a sign-out", ErrNoToken)
	// ErrLockLost comes, wrapped, from the Save and Delete of a [Store] whose
	// lock is not held any more, or under whose lock somebody else has changed
	// the token, and from [AnswerSaver]. Nothing was changed.
	ErrLockLost = errors.New("oauth2grant: the lock of the store is not held any more")
	// ErrLoginRequired says that only a person can obtain the next token: run FetchToken, or hand over a token with SetToken.
	ErrLoginRequired = errors.New("oauth2grant: a person must sign in")
	// ErrAuthorizationTimeout says that the person did not finish signing in within the time allowed.
	ErrAuthorizationTimeout = errors.New("oauth2grant: the sign-in was not finished in time")
)

// Code is an error code of the OAuth 2.0 specifications. It is an error itself, for errors.Is(err, InvalidGrant).
type Code string

// Error gives the code as text.
func (c Code) Error() string { return string(c) }

// Codes of RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 7009 §2.2.1, RFC 8628 §3.5, RFC 8707 §2, RFC 9126, RFC 9396 and RFC 9449.
const (
	InvalidRequest              Code = "invalid_request"
	InvalidClient               Code = "invalid_client"
	InvalidGrant                Code = "invalid_grant"
	UnauthorizedClient          Code = "unauthorized_client"
	UnsupportedGrantType        Code = "unsupported_grant_type"
	UnsupportedResponseType     Code = "unsupported_response_type"
	InvalidScope                Code = "invalid_scope"
	AccessDenied                Code = "access_denied"
	ServerError                 Code = "server_error"
	TemporarilyUnavailable      Code = "temporarily_unavailable"
	InvalidToken                Code = "invalid_token"
	InsufficientScope           Code = "insufficient_scope"
	UnsupportedTokenType        Code = "unsupported_token_type"
	AuthorizationPending        Code = "authorization_pending"
	SlowDown                    Code = "slow_down"
	ExpiredToken                Code = "expired_token"
	InvalidTarget               Code = "invalid_target"
	InvalidRequestURI           Code = "invalid_request_uri"
	InvalidAuthorizationDetails Code = "invalid_authorization_details"
	InvalidDPoPProof            Code = "invalid_dpop_proof"
	UseDPoPNonce                Code = "use_dpop_nonce"
	LoginRequired               Code = "login_required"       // OpenID Connect Core §3.1.2.6
	InteractionRequired         Code = "interaction_required" // the same
	ConsentRequired             Code = "consent_required"     // the same
)

// Error is an error answer of the authorization server or, with StatusCode 0, the lack of a usable answer; Unwrap then gives the cause. It is immutable,
// and its text holds no secret, no body and no URL query.
type Error struct {
	Op          string        // what was asked for: the grant_type, "device_authorization", "revocation", "discovery", …
	Code        Code          // empty where the answer had none that could be read
	Description string        // error_description, for developers
	URI         string        // error_uri
	StatusCode  int           // of HTTP
	RetryAfter  time.Duration // what the server asked for; zero: nothing

	hint     string // what may be the reason, as far as can be seen from here
	cause    error
	interval time.Duration // between polls, that the server asked for with slow_down
	refused  bool          // not the server's word but ours, and final: it can't, it must not, or it is not what was asked for
}

// Error says what failed and why.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("oauth2grant: " + e.Op + ": ")
	switch {
	case e.Code != "":
		b.WriteString(string(e.Code))
		if e.Description != "" {
			b.WriteString(": " + e.Description)
		}
	case e.cause != nil:
		b.WriteString(e.cause.Error())
	default:
		b.WriteString("no OAuth error in the answer")
	}
	if e.StatusCode != 0 {
		fmt.Fprintf(&b, " (HTTP %d)", e.StatusCode)
	}
	if e.hint != "" {
		b.WriteString("; " + e.hint)
	}
	return b.String()
}

// Format implements fmt.Formatter: what an error wraps may hold a secret, and verbs that are not for errors would show it.
func (e *Error) Format(f fmt.State, _ rune) { formatRedacted(f, e.Error()) }

// Unwrap gives the cause where no usable answer came, else nil.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, InvalidGrant) work.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code != "" && code == e.Code
}

// IsTransient tells whether trying again later can help without anybody changing anything: the server was busy, out of reach, or gave no usable answer.
func IsTransient(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.severity() == transient
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// severity is what an error says about asking again.
type severity int

const (
	transient severity = iota // ask again after the back-off
	unclear                   // a 4xx that says nothing: a proxy, or a careless server
	refusal                   // the same question gets the same answer
)

func (e *Error) severity() severity {
	switch {
	case e.refused:
		return refusal
	case e.Code == TemporarilyUnavailable, e.Code == ServerError, e.Code == SlowDown, e.Code == AuthorizationPending,
		e.StatusCode == http.StatusRequestTimeout, e.StatusCode == http.StatusTooManyRequests, e.StatusCode >= 500:
		return transient
	case e.Code != "":
		return refusal
	case e.StatusCode >= 400 && (e.cause == nil || errors.Is(e.cause, wire.ErrTooLarge)): // else the answer was cut
		return unclear
	default:
		return transient
	}
}

// refuse makes the error for what is not tried at all, or not believed.
func refuse(op, format string, args ...any) *Error {
	return &Error{Op: op, cause: fmt.Errorf(format, args...), refused: true}
}
