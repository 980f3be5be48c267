package oauth2grant_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestGrant_UserInfo(t *testing.T) {
	says := func(status int, body string, challenge ...string) granttest.Fault {
		return granttest.Fault{
			Status: status, Body: body, Header: http.Header{
				"Www-Authenticate": challenge, "Content-Type": {"application/json"},
			},
		}
	}
	for name, c := range map[string]struct {
		first  granttest.Fault
		renews bool
		code   oauth2grant.Code // of the error, if it is not renewed
	}{
		"the person":                  {granttest.Fault{}, false, ""},
		"401":                         {says(401, "no"), true, ""},
		"401 invalid_token":           {says(401, "", unauthorized), true, ""},
		"401 with a code of its own":  {says(401, `{"error":"request_unauthorized"}`), true, ""},
		"400 invalid_token, in words": {says(400, `{"error":"invalid_token","error_description":"expired"}`), true, ""},
		"200 with an error":           {says(200, `{"error":"expired_token"}`), true, ""},
		"401 insufficient_scope": {
			says(401, "", `Bearer error="insufficient_scope"`), false, oauth2grant.InsufficientScope,
		},
		"401 with a scope in words": {
			says(401, `{"error":"insufficient_scope"}`), false, oauth2grant.InsufficientScope,
		},
		"403": {says(403, `{"error":"access_denied"}`), false, oauth2grant.AccessDenied},
		"401 for another sign-in": {
			says(401, "", `Bearer error="insufficient_user_authentication", max_age="60"`), false,
			oauth2grant.InsufficientUserAuthentication,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				cfg := configFor(srv)
				cfg.Scopes = []string{"openid"}
				g := open(t, alice(), cfg)
				old := tokenOf(t, g)
				pass(time.Minute)
				srv.Script(granttest.UserInfo, c.first)
				u, err := g.UserInfo(t.Context())
				if c.code != "" {
					wantIs(t, err, c.code)
				} else if err != nil || u.Subject != "alice" {
					t.Errorf("got %v, %v", u, err)
				}
				if renewed := tokenOf(t, g) != old; renewed != c.renews {
					t.Errorf("it was renewed: %t", renewed)
				}
				step, ok := errors.AsType[*oauth2grant.StepUpError](err)
				if ok != (c.code == oauth2grant.InsufficientUserAuthentication) || ok && step.MaxAge != time.Minute {
					t.Errorf("got %v", step)
				}
			})
		})
	}
	t.Run("always refused", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			g := open(t, alice(), configFor(srv))
			ensure(t, g)
			pass(time.Minute)
			srv.Break(granttest.UserInfo, says(401, "", unauthorized))
			_, err := g.UserInfo(t.Context())
			if wantIs(t, err, oauth2grant.InvalidToken); srv.Count(granttest.UserInfo) != 2 ||
				srv.Count(granttest.Token) != 2 {
				t.Errorf("%d requests, %d token requests", srv.Count(granttest.UserInfo), srv.Count(granttest.Token))
			}
		})
	})
}
