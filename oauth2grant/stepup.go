package oauth2grant

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/challenge"
)

// StepUpError says that an API wants the person to have signed in more strongly
// or more recently than the access token stands for (RFC 9470). Another token
// from the same sign-in does not help: send the person through an authorization
// request with [StepUpError.Params]. It is an [InsufficientUserAuthentication]
// for errors.Is.
type StepUpError struct {
	// ACRValues are the authentication context class references that would do,
	// the preferred one first. Nil leaves them open.
	ACRValues []string

	// MaxAge is how long ago the person may have signed in, in whole seconds,
	// if HasMaxAge is set. Zero asks for a sign-in now.
	MaxAge    time.Duration
	HasMaxAge bool

	// Description is the API's own word for developers, fit for a log.
	Description string
}

// StepUp returns what a response demands of the person's authentication, and
// reports whether it demands anything: whether it is a 401 with the error code
// insufficient_user_authentication (RFC 9470 §3). A RoundTripper returns every
// response that it obtained, so it is for the caller of [Grant.Transport] to
// ask; [Grant.UserInfo] returns the demand as an error. It does not read the
// body.
func StepUp(res *http.Response) (*StepUpError, bool) {
	if res == nil || res.StatusCode != http.StatusUnauthorized {
		return nil, false
	}
	for _, c := range tokenChallenges(res.Header) {
		if Code(c.Params["error"]) == InsufficientUserAuthentication {
			return stepUp(c), true
		}
	}
	return nil, false
}

func stepUp(c challenge.Challenge) *StepUpError {
	e := &StepUpError{
		ACRValues:   strings.Fields(printable(c.Params["acr_values"])),
		Description: printable(c.Params["error_description"]),
	}
	const tenYears = 10 * 365 * 24 * 60 * 60
	if seconds, err := strconv.ParseUint(c.Params["max_age"], 10, 63); err == nil {
		e.MaxAge, e.HasMaxAge = time.Duration(min(seconds, tenYears))*time.Second, true
	}
	return e
}

// steppedUp returns e with what it demands of the person's authentication, if
// it demands anything, as its cause.
func steppedUp(e *Error, h http.Header) *Error {
	if e.Code != InsufficientUserAuthentication {
		return e
	}
	for _, c := range tokenChallenges(h) {
		if Code(c.Params["error"]) == e.Code {
			demand := stepUp(c)
			demand.Description = e.Description // without what it echoes
			e.cause = demand
		}
	}
	return e
}

// Params returns what an authorization request has to ask for (RFC 9470 §4),
// for [AuthCode] and [Client.BeginAuthorization].
func (e *StepUpError) Params() url.Values {
	params := url.Values{}
	if len(e.ACRValues) > 0 {
		params.Set("acr_values", strings.Join(e.ACRValues, " "))
	}
	if e.HasMaxAge {
		params.Set("max_age", strconv.Itoa(int(e.MaxAge/time.Second)))
	}
	return params
}

// Error says what is asked for.
func (e *StepUpError) Error() string {
	var b strings.Builder
	b.WriteString("oauth2grant: the API wants another sign-in of the person")
	if len(e.ACRValues) > 0 {
		b.WriteString(" by " + strings.Join(e.ACRValues, " or "))
	}
	if e.HasMaxAge {
		b.WriteString(" no longer ago than " + e.MaxAge.String())
	}
	if e.Description != "" {
		b.WriteString(": " + e.Description)
	}
	return b.String()
}

// Is makes errors.Is(err, [InsufficientUserAuthentication]) work.
func (e *StepUpError) Is(target error) bool { return target == InsufficientUserAuthentication }

// refusalOf returns the error code of a 401, empty if it names none. Where an
// API takes tokens of both kinds, a demand for a nonce says more than the rest.
func refusalOf(res *http.Response) (code Code) {
	for _, c := range tokenChallenges(res.Header) {
		if Code(c.Params["error"]) == UseDPoPNonce {
			return UseDPoPNonce
		}
		code = cmp.Or(code, Code(c.Params["error"]))
	}
	return code
}

// tokenChallenges returns those challenges that speak of an access token.
func tokenChallenges(h http.Header) []challenge.Challenge {
	var all []challenge.Challenge
	for _, c := range challenge.Read(h.Values("WWW-Authenticate")) {
		if c.Scheme == "bearer" || c.Scheme == "dpop" {
			all = append(all, c)
		}
	}
	return all
}
