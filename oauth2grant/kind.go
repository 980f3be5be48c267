package oauth2grant

import (
	"errors"
	"net/http"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// kind is what an error says about the next request of the same kind.
type kind int

const (
	// kindLater: nothing is wrong but the moment. A refresh token is as good as
	// it was.
	kindLater kind = iota
	// kindClient: our own configuration is wrong, or is being changed just now:
	// the client's credentials, or an endpoint that redirects.
	kindClient
	// kindDead: what was presented, such as a refresh token, is good for
	// nothing any more.
	kindDead
	// kindUnclear: any other refusal, with a code or without.
	kindUnclear
	// kindRefused: our own word, before anything was asked or about what was
	// answered.
	kindRefused
)

// kinds are the codes, in lower case, that say what is wrong. Any other is
// unclear.
var kinds = map[string]kind{
	"temporarily_unavailable": kindLater, "server_error": kindLater, "slow_down": kindLater,
	"authorization_pending": kindLater, "internal_error": kindLater, "internal_server_error": kindLater,
	"service_unavailable": kindLater, "too_many_requests": kindLater, "rate_limit_exceeded": kindLater,
	"rate_limited": kindLater, "ratelimited": kindLater, "timeout": kindLater,

	"invalid_client": kindClient, "incorrect_client_credentials": kindClient, "invalid_client_id": kindClient,
	"invalid_client_secret": kindClient, "bad_client_id": kindClient, "bad_client_secret": kindClient,
	"use_dpop_nonce": kindClient, "invalid_dpop_proof": kindClient,

	"invalid_grant": kindDead, "bad_refresh_token": kindDead, "invalid_refresh_token": kindDead,
	"expired_refresh_token": kindDead, "refresh_token_expired": kindDead, "refresh_token_revoked": kindDead,
	"refresh_token_invalid": kindDead, "refresh_token_not_found": kindDead, "refresh_token_reused": kindDead,
	"token_inactive": kindDead, "inactive_token": kindDead, "invalid_token": kindDead, "token_invalid": kindDead,
	"expired_token": kindDead, "token_expired": kindDead, "token_revoked": kindDead, "revoked_token": kindDead,
	"token_not_found": kindDead, "invalid_code": kindDead, "session_expired": kindDead, "session_not_found": kindDead,
	"session_not_active": kindDead, "invalid_session": kindDead, "interaction_required": kindDead,
	"login_required": kindDead, "consent_required": kindDead, "account_selection_required": kindDead,
	"mfa_required": kindDead, "reauthentication_required": kindDead, "access_revoked": kindDead,
}

// kind says once what an answer, or the lack of one, means.
func (e *Error) kind() kind {
	known, coded := kinds[strings.ReplaceAll(strings.ToLower(string(e.Code)), "-", "_")]
	switch {
	case e.refused:
		return kindRefused
	case e.redirects():
		return kindClient
	case e.Code != "" && e.StatusCode == 0: // brought by a redirect of the browser
		if coded {
			return known
		}
		return kindUnclear
	case e.cut, e.own, e.StatusCode < 200, busy(e.StatusCode):
		return kindLater
	case coded:
		return known
	}
	return kindUnclear
}

// busy reports whether an HTTP status says that nothing is wrong but the
// moment.
func busy(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// coded reports whether the server says by a code what is wrong.
func (e *Error) coded() bool { return e.Code != "" }

// page reports whether the answer is most likely not that of the authorization
// server but of what stands before it, such as a firewall: one of an unclear
// kind that has no code, and a status that no authorization server would give
// it. A success that says in another form that it is an error is none.
func (e *Error) page() bool {
	switch {
	case e.kind() != kindUnclear, e.coded():
		return false
	case e.StatusCode < 300:
		return !e.said
	}
	return e.StatusCode != http.StatusBadRequest && e.StatusCode != http.StatusUnauthorized
}

// redirects reports whether the endpoint points elsewhere.
func (e *Error) redirects() bool {
	_, ok := errors.AsType[*wire.RedirectError](e.cause)
	return ok
}

// transient reports whether the same request may succeed without anybody
// changing anything.
func (e *Error) transient() bool { return e.kind() == kindLater || e.page() && e.StatusCode < 300 }
