package oauth2grant_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

func TestError_IsItsCodeHoweverItIsWrapped(t *testing.T) {
	err := fmt.Errorf("while working: %w",
		errors.Join(io.EOF, &oauth2grant.Error{Op: "refresh_token", Code: oauth2grant.InvalidGrant, StatusCode: 400}))
	wantIs(t, err, oauth2grant.InvalidGrant)
	if e := isFailure(t, err); e.StatusCode != 400 || errors.Unwrap(e) != nil {
		t.Errorf("got %+v", e)
	}
	for _, other := range []error{oauth2grant.InvalidClient, oauth2grant.Code(""), oauth2grant.ErrLoginRequired} {
		if errors.Is(err, other) {
			t.Errorf("is %q too", other)
		}
	}
	if errors.Is(&oauth2grant.Error{StatusCode: 400}, oauth2grant.Code("")) {
		t.Error("an error without a code is the empty code")
	}
}

func TestError_UnwrapsToItsCause(t *testing.T) {
	cause := errors.New("cause")
	wantIs(t, oauth2grant.Refuse("not so: %w", cause), cause)
	wantIs(t, oauth2grant.Refuse("not so: %w", errors.ErrUnsupported), errors.ErrUnsupported)
}

func TestIsTransient_OfAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		err  *oauth2grant.Error
		want bool
	}{
		"no answer":         {&oauth2grant.Error{}, true},
		"an unreadable 200": {&oauth2grant.Error{StatusCode: 200}, true},
		"a redirect":        {oauth2grant.Failed(307, wire.Redirect(nil)), false},
		"408":               {&oauth2grant.Error{StatusCode: 408}, true},
		"429":               {&oauth2grant.Error{StatusCode: 429}, true},
		"429 with a code":   {&oauth2grant.Error{StatusCode: 429, Code: oauth2grant.InvalidRequest}, true},
		"500":               {&oauth2grant.Error{StatusCode: 500}, true},
		"503 with a code":   {&oauth2grant.Error{StatusCode: 503, Code: oauth2grant.InvalidClient}, true},
		"599":               {&oauth2grant.Error{StatusCode: 599}, true},
		"temporarily_unavailable": {
			&oauth2grant.Error{StatusCode: 400, Code: oauth2grant.TemporarilyUnavailable}, true,
		},
		"server_error": {&oauth2grant.Error{StatusCode: 400, Code: oauth2grant.ServerError}, true},
		"slow_down":    {&oauth2grant.Error{StatusCode: 400, Code: oauth2grant.SlowDown}, true},
		"authorization_pending": {
			&oauth2grant.Error{StatusCode: 400, Code: oauth2grant.AuthorizationPending}, true,
		},
		"a bare 400":                 {&oauth2grant.Error{StatusCode: 400}, false},
		"a bare 401":                 {&oauth2grant.Error{StatusCode: 401}, false},
		"a bare 403":                 {&oauth2grant.Error{StatusCode: 403}, false},
		"a bare 404":                 {&oauth2grant.Error{StatusCode: 404}, false},
		"a 4xx too large to be read": {oauth2grant.Failed(400, wire.ErrTooLarge), false},
		"a 4xx that was cut":         {oauth2grant.Cut(400, io.ErrUnexpectedEOF), true},
		"invalid_grant":              {&oauth2grant.Error{StatusCode: 400, Code: oauth2grant.InvalidGrant}, false},
		"invalid_client":             {&oauth2grant.Error{StatusCode: 401, Code: oauth2grant.InvalidClient}, false},
		"invalid_scope":              {&oauth2grant.Error{StatusCode: 400, Code: oauth2grant.InvalidScope}, false},
		"access_denied":              {&oauth2grant.Error{Code: oauth2grant.AccessDenied}, false},
		"a code that nobody knows, also in a 200": {
			&oauth2grant.Error{StatusCode: 200, Code: "bad_verification_code"}, false,
		},
		"our own word, whatever it says":               {oauth2grant.Refuse("no: %w", context.DeadlineExceeded), false},
		"our own word on what the server does not say": {oauth2grant.Refuse("no"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := oauth2grant.IsTransient(fmt.Errorf("wrapped: %w", c.err)); got != c.want {
				t.Errorf("IsTransient is %v", got)
			}
		})
	}
}

func TestIsTransient_OfOtherErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nil is not":                  {nil, false},
		"a failure of the network is": {&net.OpError{Op: "dial", Err: errors.New("refused")}, true},
		"a deadline is":               {fmt.Errorf("wrapped: %w", context.DeadlineExceeded), true},
		"cancelling is not":           {context.Canceled, false},
		"ErrLoginRequired is not":     {oauth2grant.ErrLoginRequired, false},
		"ErrClosed is not":            {oauth2grant.ErrClosed, false},
		"anything else is not":        {io.EOF, false},
		"a code alone is not":         {oauth2grant.InvalidGrant, false},
		"a login required for an outage isn't": {
			fmt.Errorf("%w: %w", oauth2grant.ErrLoginRequired, &oauth2grant.Error{StatusCode: 503}), false,
		},
		"a login required for a refusal isn't": {
			fmt.Errorf("%w: %w", oauth2grant.ErrLoginRequired, &oauth2grant.Error{Code: "invalid_grant"}), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := oauth2grant.IsTransient(c.err); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
