package oauth2grant

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/engine"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

var (
	// ErrLoginRequired says that only a person can obtain the next token: run
	// [Grant.FetchToken], or hand over a token with [Grant.SetToken].
	ErrLoginRequired = errors.New("oauth2grant: a person must sign in")
	// ErrClosed comes from every call on a [Grant] or [Pool] that was closed,
	// or whose context has ended; then it wraps context.Cause.
	ErrClosed = engine.ErrClosed
	// ErrConfig is wrapped by every refusal of a [Config] by [New] and
	// [NewClient].
	ErrConfig = errors.New("oauth2grant: unusable Config")
	// ErrAuthorizationTimeout says that the person did not finish signing in
	// within the time allowed.
	ErrAuthorizationTimeout = errors.New("oauth2grant: the sign-in was not finished in time")
	// ErrNoToken comes from a [Store] that holds no token, and from nothing
	// else.
	ErrNoToken = errors.New("oauth2grant: the store holds no token")
	// ErrSignedOut is the [ErrNoToken] of a [Store] that remembers that its
	// token was deleted, and so tells a sign-out from a store that was wiped.
	ErrSignedOut = fmt.Errorf("%w: it was deleted by a sign-out", ErrNoToken)
	// ErrLockLost comes, wrapped, from the Save and Delete of a [Store] whose
	// lock is not held any more, or under whose lock somebody else has changed
	// the token, and from [AnswerSaver]. Nothing was changed.
	ErrLockLost = errors.New("oauth2grant: the lock of the store is not held any more")
)

// Error is an error answer of the authorization server or, with StatusCode 0,
// the lack of a usable answer; [errors.Unwrap] then returns the cause. It is
// immutable, and its text is one line without a secret, a body or the query of
// a URL.
type Error struct {
	// Op is what was asked for: a grant_type, or another of [OpRefresh],
	// [OpRevocation] and so on.
	Op string
	// Host is that of the endpoint, with its port if that is unusual; empty if
	// no endpoint was to be asked.
	Host string
	// Code is the server's; empty where the answer had none that could be read.
	Code Code
	// Description is what the server says in its own words, for developers.
	Description string
	// URI is where the server explains the error.
	URI string
	// StatusCode is that of HTTP; zero: no answer came.
	StatusCode int
	// RetryAfter is how long the server asked to be left alone; zero: it did
	// not ask. A [Grant] then waits for so long and, at random, up to a quarter
	// or [Refresh].MinBackOff longer, or for its back-off if that is longer.
	// More than 48 min counts as 48 min.
	RetryAfter time.Duration

	hint     string // what may be the reason, as far as can be seen from here
	cause    error
	extra    hidden        // every other member of the answer, as one JSON object; empty: none
	interval time.Duration // between polls, that the server asked for with slow_down
	summary  string        // in place of the text made of the fields
	said     bool          // the server says that it is an error, in a form that programs read
	cut      bool          // no answer came whole
	own      bool          // the request could not be made, for want of what proves the client's identity
	unsent   bool          // provably
	refused  bool          // our own word, and final: what was asked is impossible, forbidden, or not what was answered
}

// Error says what failed, where, and why.
func (e *Error) Error() string {
	text := "oauth2grant: " + e.Op
	if e.Host != "" {
		text += " at " + e.Host
	}
	return text + ": " + e.reason()
}

// reason says why, without what and where.
func (e *Error) reason() string {
	var text string
	switch {
	case e.summary != "":
		return e.summary
	case e.Code != "" && e.Description != "":
		text = string(e.Code) + ": " + e.Description
	case e.Code != "":
		text = string(e.Code)
	case e.Description != "":
		text = e.Description
	case e.cause != nil:
		text = plainText(e.cause)
	default:
		text = "no OAuth error in the answer"
	}
	if e.StatusCode != 0 {
		text += fmt.Sprintf(" (HTTP %d)", e.StatusCode)
	}
	if e.hint != "" {
		text += "; " + e.hint
	}
	return text
}

// plainText returns the text of an error to be put after another's.
func plainText(err error) string { return strings.TrimPrefix(err.Error(), "oauth2grant: ") }

// Format implements [fmt.Formatter]: what an error wraps may hold a secret, and
// verbs that are not for errors would show it.
func (e *Error) Format(f fmt.State, _ rune) { formatRedacted(f, e.Error()) }

// Unwrap returns the cause where no usable answer came, else nil.
func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, [InvalidGrant]) work. A code of a server's own that
// stands for one of the specifications is that one, too.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	if !ok {
		return target == errors.ErrUnsupported && e.Code == UnsupportedGrantType
	}
	return code != "" && (code == e.Code || code == synonyms[e.Code])
}

// Extra decodes any other member of the answer into out, such as suberror or
// claims, and reports whether there is one. The error is that of encoding/json.
// No member is part of the error's text.
func (e *Error) Extra(name string, out any) (bool, error) { return member(e.extra.reveal(), name, out) }

// notSent reports whether the request provably was not sent: nothing was asked
// of the server, or no byte of the request's body was handed over.
func (e *Error) notSent() bool { return e.unsent || e.refused && e.StatusCode == 0 }

// unsent returns err with a note that the request that it kept from being made
// was not sent.
func unsent(err error) error {
	e, ok := err.(*Error) //nolint:errorlint // one that is wrapped keeps its wrapping
	if !ok {
		return err
	}
	noted := *e
	noted.unsent = true
	return &noted
}

// refuse makes the error for what is not tried at all, or not believed.
func refuse(op, format string, args ...any) *Error {
	return &Error{Op: op, cause: fmt.Errorf(format, args...), refused: true}
}

// at returns e with the host of an endpoint.
func (e *Error) at(endpoint string) *Error {
	if u, err := url.Parse(endpoint); err == nil {
		e.Host = u.Host
	}
	return e
}

// failed makes the public error of a failure on the wire.
func failed(op, endpoint string, f *wire.Failure) *Error {
	e := &Error{
		Op: op, Code: Code(f.Code), Description: f.Description, URI: f.URI, StatusCode: f.Status,
		RetryAfter: f.RetryAfter, interval: time.Duration(f.Interval) * time.Second,
		cause: f.Cause, extra: hide(f.Extra),
		said: f.Said, cut: f.Cut, own: f.Own, unsent: f.NotSent,
	}
	return e.at(endpoint)
}

// oneLine is several errors in one line.
type oneLine []error

func (l oneLine) Error() string {
	texts := make([]string, len(l))
	for i, err := range l {
		texts[i] = plainText(err)
	}
	return strings.Join(texts, "; ")
}

func (l oneLine) Unwrap() []error { return l }
