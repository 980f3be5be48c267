package oauth2grant_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestStepUp(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		challenges []string
		params     string // of the next authorization request; "none": nothing is demanded
		text       string
	}{
		"of RFC 9470 §3": {
			401,
			[]string{
				`Bearer error="insufficient_user_authentication",` +
					` error_description="A different authentication level is required", acr_values="myACR"`,
			},
			"acr_values=myACR", "oauth2grant: the API wants another sign-in of the person by myACR: A different " +
				"authentication level is required",
		},
		"of a recent sign-in": {
			401,
			[]string{`Bearer error="insufficient_user_authentication", max_age="5"`},
			"max_age=5", "oauth2grant: the API wants another sign-in of the person no longer ago than 5s",
		},
		"of both, now": {
			401,
			[]string{`Basic realm="x"`, `DPoP error=insufficient_user_authentication, acr_values="a  b", max_age=0`},
			"acr_values=a+b&max_age=0",
			"oauth2grant: the API wants another sign-in of the person by a or b no longer ago than 0s",
		},
		"of nothing in particular": {
			401,
			[]string{`Bearer error="insufficient_user_authentication", max_age="-1"`},
			"",
			"oauth2grant: the API wants another sign-in of the person",
		},
		"absurd": {
			401,
			[]string{
				`Bearer error="insufficient_user_authentication", max_age=9223372036854775807, acr_values="` +
					"a\x1b[2J" + `"`,
			},
			"acr_values=a+%5B2J&max_age=315360000",
			"oauth2grant: the API wants another sign-in of the person by a or [2J no longer ago than 87600h0m0s",
		},
		"none, of another code":   {401, []string{`Bearer error="invalid_token"`}, "none", ""},
		"none, of another status": {403, []string{`Bearer error="insufficient_user_authentication"`}, "none", ""},
		"none, of another scheme": {401, []string{`Basic error="insufficient_user_authentication"`}, "none", ""},
		"none at all":             {401, nil, "none", ""},
	} {
		t.Run(name, func(t *testing.T) {
			res := &http.Response{StatusCode: c.status, Header: http.Header{"Www-Authenticate": c.challenges}}
			e, ok := oauth2grant.StepUp(res)
			if ok != (c.params != "none") {
				t.Fatalf("got %v", e)
			}
			if !ok {
				return
			}
			if got := e.Params().Encode(); got != c.params {
				t.Errorf("parameters %s, want %s", got, c.params)
			}
			if e.Error() != c.text {
				t.Errorf("got  %s\nwant %s", e, c.text)
			}
			if !errors.Is(e, oauth2grant.InsufficientUserAuthentication) || errors.Is(e, oauth2grant.InvalidToken) ||
				oauth2grant.IsTransient(e) {
				t.Error("it is taken for another error")
			}
			if e.MaxAge%time.Second != 0 {
				t.Errorf("%v is not in seconds", e.MaxAge)
			}
		})
	}
	if _, ok := oauth2grant.StepUp(nil); ok {
		t.Error("no response demands something")
	}
}
