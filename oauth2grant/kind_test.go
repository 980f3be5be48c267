package oauth2grant

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

func TestError_HasAKind(t *testing.T) {
	read := func(status int, body string) *Error {
		a := wire.Answer{Status: status, Body: []byte(body)}
		if status >= 300 {
			return failed(OpRefresh, "https://as.example/t", wire.ReadFailure(a))
		}
		_, f := wire.ReadToken(a)
		return failed(OpRefresh, "https://as.example/t", f)
	}
	for name, c := range map[string]struct {
		err  *Error
		want kind
		page bool
	}{
		"no answer":                  {&Error{}, kindLater, false},
		"a caller who left":          {&Error{cause: context.Canceled}, kindLater, false},
		"a secret that can't be had": {&Error{own: true, cause: io.EOF}, kindLater, false},
		"a 200 that was cut": {
			&Error{StatusCode: 200, cut: true, cause: io.ErrUnexpectedEOF}, kindLater, false,
		},
		"a 400 that was cut": {
			&Error{StatusCode: 400, cut: true, cause: io.ErrUnexpectedEOF}, kindLater, false,
		},
		"a 101":                    {&Error{StatusCode: 101, cause: io.EOF}, kindLater, false},
		"408":                      {read(408, ``), kindLater, false},
		"425":                      {read(425, ``), kindLater, false},
		"429":                      {read(429, `{"error":"invalid_request"}`), kindLater, false},
		"500":                      {read(500, ``), kindLater, false},
		"503":                      {read(503, `{"error":"invalid_client"}`), kindLater, false},
		"temporarily_unavailable":  {read(400, `{"error":"temporarily_unavailable"}`), kindLater, false},
		"server_error":             {read(400, `{"error":"server_error"}`), kindLater, false},
		"slow_down in a 200":       {read(200, `{"error":"slow_down"}`), kindLater, false},
		"a rate limit":             {read(400, `{"error":"rate_limit_exceeded"}`), kindLater, false},
		"invalid_client":           {read(401, `{"error":"invalid_client"}`), kindClient, false},
		"invalid_client in a form": {read(400, `error=invalid_client`), kindClient, false},
		"GitHub's word for that":   {read(200, `{"error":"incorrect_client_credentials"}`), kindClient, false},
		"a redirect":               {&Error{StatusCode: 301, cause: wire.Redirect(nil)}, kindClient, false},
		"invalid_grant":            {read(400, `{"error":"invalid_grant"}`), kindDead, false},
		"invalid_grant in a list": {
			read(400, `{"errors":[{"errorType":"invalid_grant","message":"used"}]}`), kindDead, false,
		},
		"INVALID_GRANT":              {read(400, `{"error":"INVALID_GRANT"}`), kindDead, false},
		"invalid-grant":              {read(400, `{"error":"invalid-grant"}`), kindDead, false},
		"bad_refresh_token in a 200": {read(200, `{"error":"bad_refresh_token"}`), kindDead, false},
		"invalid_refresh_token":      {read(200, `{"ok":false,"error":"invalid_refresh_token"}`), kindDead, false},
		"token_inactive":             {read(400, `{"error":"token_inactive"}`), kindDead, false},
		"invalid_token":              {read(401, `{"error":"invalid_token"}`), kindDead, false},
		"expired_token":              {read(400, `{"error":"expired_token"}`), kindDead, false},
		"invalid_code":               {read(200, `{"error":"invalid_code"}`), kindDead, false},
		"interaction_required":       {read(400, `{"error":"interaction_required"}`), kindDead, false},
		"login_required":             {read(400, `{"error":"login_required"}`), kindDead, false},
		"consent_required":           {read(400, `{"error":"consent_required"}`), kindDead, false},
		"invalid_request":            {read(400, `{"error":"invalid_request"}`), kindUnclear, false},
		"unauthorized_client":        {read(400, `{"error":"unauthorized_client"}`), kindUnclear, false},
		"unsupported_grant_type":     {read(400, `{"error":"unsupported_grant_type"}`), kindUnclear, false},
		"invalid_scope":              {read(400, `{"error":"invalid_scope"}`), kindUnclear, false},
		"a code that nobody knows":   {read(403, `{"error":"E1234"}`), kindUnclear, false},
		"words instead of a code":    {read(403, `{"message":"Forbidden"}`), kindUnclear, true},
		"an error that is an object": {
			read(200, `{"error":{"message":"no","type":"OAuthException","code":1}}`), kindUnclear, false,
		},
		"words in a 400":                {read(400, `{"message":"not you"}`), kindUnclear, false},
		"words in a 200":                {read(200, `{"message":"not you"}`), kindUnclear, false},
		"prose in place of a code":      {read(200, `{"error":"Something went wrong"}`), kindUnclear, false},
		"a bare 400":                    {read(400, ``), kindUnclear, false},
		"a bare 401":                    {read(401, ``), kindUnclear, false},
		"a 401 in HTML":                 {read(401, `<html>`), kindUnclear, false},
		"a 403 in plain text":           {read(403, `Forbidden`), kindUnclear, true},
		"a 403 in HTML":                 {read(403, `<html>`), kindUnclear, true},
		"a bare 404":                    {read(404, ``), kindUnclear, true},
		"a bare 405":                    {read(405, ``), kindUnclear, true},
		"a 200 in HTML":                 {read(200, `<html>`), kindUnclear, true},
		"a 200 that is empty":           {read(200, ``), kindUnclear, true},
		"a 200 with neither":            {read(200, `{"x":1}`), kindUnclear, true},
		"a 4xx too large to be read":    {&Error{StatusCode: 400, cause: wire.ErrTooLarge}, kindUnclear, false},
		"access_denied by the browser":  {&Error{Code: AccessDenied}, kindUnclear, false},
		"login_required by the browser": {&Error{Code: LoginRequired}, kindDead, false},
		"our own word":                  {refuse(OpRefresh, "no: %w", context.DeadlineExceeded), kindRefused, false},
		"our own word on an answer":     {&Error{StatusCode: 200, refused: true}, kindRefused, false},
	} {
		if got := c.err.kind(); got != c.want || c.err.page() != c.page {
			t.Errorf("%s: kind %d, page %v, want %d, %v", name, got, c.err.page(), c.want, c.page)
		}
		if c.want != kindLater && !c.page && IsTransient(c.err) {
			t.Errorf("%s counts as transient", name)
		}
	}
}

func TestError_IsTheCodeThatItsServerMeans(t *testing.T) {
	for code, want := range map[Code]Code{
		"authorization_declined": AccessDenied, "code_expired": ExpiredToken, InvalidGrant: InvalidGrant,
	} {
		err := error(&Error{Code: code})
		if !errors.Is(err, want) || !errors.Is(err, code) || errors.Is(err, InvalidScope) {
			t.Errorf("%s is not %s alone", code, want)
		}
	}
	if !errors.Is(&Error{Code: UnsupportedGrantType}, errors.ErrUnsupported) ||
		errors.Is(&Error{}, errors.ErrUnsupported) {
		t.Error("unsupported_grant_type alone is unsupported")
	}
}
