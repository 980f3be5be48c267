package otelgrant

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// eventName returns the kind of an event as an attribute's value.
func eventName(k oauth2grant.EventKind) string {
	if k == oauth2grant.EventWaiting {
		return "waiting"
	}
	return strings.ReplaceAll(k.String(), " ", "_")
}

// outcomeOf returns how an acquisition ended, or "" for an event that is not
// the end of one.
func outcomeOf(k oauth2grant.EventKind) string {
	switch k {
	case oauth2grant.EventObtained, oauth2grant.EventAdopted, oauth2grant.EventFailed, oauth2grant.EventLoginRequired:
		return eventName(k)
	default:
		return ""
	}
}

// errorCodes are those that error.type says. Any other word of a server is its
// HTTP status, so that there are few values.
var errorCodes = []oauth2grant.Code{
	oauth2grant.InvalidRequest, oauth2grant.InvalidClient, oauth2grant.InvalidGrant, oauth2grant.UnauthorizedClient,
	oauth2grant.UnsupportedGrantType, oauth2grant.InvalidScope, oauth2grant.InvalidTarget, oauth2grant.AccessDenied,
	oauth2grant.ServerError, oauth2grant.TemporarilyUnavailable, oauth2grant.SlowDown, oauth2grant.ExpiredToken,
	oauth2grant.InvalidToken, oauth2grant.InvalidRequestURI, oauth2grant.InvalidAuthorizationDetails,
	oauth2grant.InvalidDPoPProof, oauth2grant.UseDPoPNonce, oauth2grant.LoginRequired, oauth2grant.InteractionRequired,
	oauth2grant.ConsentRequired,
}

// errorType returns the class of an error.
func errorType(err error) string {
	for _, code := range errorCodes {
		if errors.Is(err, code) {
			return string(code)
		}
	}
	answer, answered := errors.AsType[*oauth2grant.Error](err)
	switch {
	case answered && answer.StatusCode != 0:
		return strconv.Itoa(answer.StatusCode)
	case errors.Is(err, oauth2grant.ErrLoginRequired):
		return "login_required"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, oauth2grant.ErrAuthorizationTimeout):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "canceled"
	default:
		return "_OTHER"
	}
}
