package wire

import (
	"testing"
	"time"
)

func TestReadToken(t *testing.T) {
	end := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, c := range []struct {
		name, body string
		want       Token
	}{
		{
			"everything that RFC " +
				"6749 names",
			`{"access_token":"A","token_type":"Bearer","refresh_token":"R","id_token":"I","scope":"a b",` +
				`"expires_in":3600}`,
			Token{
				AccessToken: "A", TokenType: "Bearer", RefreshToken: "R", IDToken: "I", Scope: "a b", HasScope: true,
				ExpiresIn: 3600,
			},
		},
		{"an access token alone", `{"access_token":"A"}`, Token{AccessToken: "A"}},
		{
			"a form", `access_token=A&expires_in=60&scope=a+b&token_type=bearer`, Token{
				AccessToken: "A", TokenType: "bearer", Scope: "a b", HasScope: true, ExpiresIn: 60,
			},
		},
		{
			"a form with a line end", "access_token=A&x=%3C1%3E\r\n", Token{
				AccessToken: "A", Extra: `{"x":"\u003c1\u003e"}`,
			},
		},
		{"a byte order mark and white space", "\xef\xbb\xbf \n{\"access_token\":\"A\"}\n", Token{AccessToken: "A"}},
		{
			"unknown members, which are kept", `{"access_token":"A","x":{"y":[1]},"n":null}`, Token{
				AccessToken: "A", Extra: `{"n":null,"x":{"y":[1]}}`,
			},
		},
		{
			"scope as an array", `{"access_token":"A","scope":["a","b"]}`, Token{
				AccessToken: "A", Scope: "a b", HasScope: true,
			},
		},
		{"no scope granted", `{"access_token":"A","scope":""}`, Token{AccessToken: "A", HasScope: true}},
		{"a scope of null says nothing", `{"access_token":"A","scope":null}`, Token{AccessToken: "A"}},
		{
			"members of the wrong type count as absent",
			`{"access_token":"A","token_type":1,"refresh_token":{},"id_token":null}`,
			Token{AccessToken: "A"},
		},
		{
			"an error member that says nothing", `{"access_token":"A","error":"","e":1}`, Token{
				AccessToken: "A", Extra: `{"e":1,"error":""}`,
			},
		},
		{
			"expires in a form, for expires_in", `access_token=A&expires=60`, Token{
				AccessToken: "A", ExpiresIn: 60, Extra: `{"expires":"60"}`,
			},
		},
		{
			"refresh_in", `{"access_token":"A","refresh_in":"1800"}`, Token{
				AccessToken: "A", RefreshIn: 1800, Extra: `{"refresh_in":"1800"}`,
			},
		},
		{
			"refresh_expires_in", `{"access_token":"A","refresh_expires_in":60}`, Token{
				AccessToken: "A", RefreshExpiresIn: 60, Extra: `{"refresh_expires_in":60}`,
			},
		},
		{
			"refresh_expires_in of zero", `{"access_token":"A","refresh_expires_in":0}`, Token{
				AccessToken: "A", Extra: `{"refresh_expires_in":0}`,
			},
		},
		{
			"refresh_expires_in below zero", `{"access_token":"A","refresh_expires_in":-1}`, Token{
				AccessToken: "A", Extra: `{"refresh_expires_in":-1}`,
			},
		},
		{
			"refresh_token_expires_in", `{"access_token":"A","refresh_token_expires_in":"60"}`, Token{
				AccessToken: "A", RefreshExpiresIn: 60, Extra: `{"refresh_token_expires_in":"60"}`,
			},
		},
		{
			"refresh_token_timeout", `{"access_token":"A","refresh_token_timeout":60}`, Token{
				AccessToken: "A", RefreshExpiresIn: 60, Extra: `{"refresh_token_timeout":60}`,
			},
		},
		{
			"authorization_expires_in", `{"access_token":"A","authorization_expires_in":60}`, Token{
				AccessToken: "A", RefreshExpiresIn: 60, Extra: `{"authorization_expires_in":60}`,
			},
		},
		{
			"x_refresh_token_expires_in", `{"access_token":"A","x_refresh_token_expires_in":60}`, Token{
				AccessToken: "A", RefreshExpiresIn: 60, Extra: `{"x_refresh_token_expires_in":60}`,
			},
		},
		{
			"what is ours is nobody else's", `{"access_token":"A","oauth2grant":{"v":9},"refresh_expiry":1}`,
			Token{AccessToken: "A"},
		},
		{"expires_at", `{"access_token":"A","expires_at":1580702706}`, Token{AccessToken: "A", Expires: end}},
		{
			"expires_at in milliseconds", `{"access_token":"A","expires_at":1580702706000}`,
			Token{AccessToken: "A", Expires: end},
		},
		{
			"expires_on as a string", `{"access_token":"A","expires_on":"1580702706"}`,
			Token{AccessToken: "A", Expires: end},
		},
		{
			"expiration as a date", `{"access_token":"A","expiration":"2020-02-03T04:05:06Z"}`,
			Token{AccessToken: "A", Expires: end},
		},
		{"expires_at of null", `{"access_token":"A","expires_at":null,"expires_in":null}`, Token{AccessToken: "A"}},
		{
			"expires_at beside expires_in", `{"access_token":"A","expires_at":1580702706,"expires_in":60}`,
			Token{AccessToken: "A", ExpiresIn: 60},
		},
		{
			"expires_in in milliseconds", `{"access_token":"A","expires_in":3600000,"expires_in_sec":3600}`, Token{
				AccessToken: "A", ExpiresIn: 3600, Extra: `{"expires_in_sec":3600}`,
			},
		},
		{
			"expires_in_sec of zero", `{"access_token":"A","expires_in":3600,"expires_in_sec":0}`, Token{
				AccessToken: "A", ExpiresIn: 3600, Extra: `{"expires_in_sec":0}`,
			},
		},
		{
			"errors that are none", `{"access_token":"A","errors":[],"error":{}}`, Token{
				AccessToken: "A", Extra: `{"error":{},"errors":[]}`,
			},
		},
		{
			"an error that says ok", `{"access_token":"A","error":{"code":"ok","message":""}}`, Token{
				AccessToken: "A", Extra: `{"error":{"code":"ok","message":""}}`,
			},
		},
		{
			"a message beside a token", `{"access_token":"A","message":"success"}`, Token{
				AccessToken: "A", Extra: `{"message":"success"}`,
			},
		},
		{"expires_in as a fraction", `{"access_token":"A","expires_in":59.9}`, Token{AccessToken: "A", ExpiresIn: 59}},
		{
			"expires_in with an exponent", `{"access_token":"A","expires_in":3.6e3}`,
			Token{AccessToken: "A", ExpiresIn: 3600},
		},
		{
			"expires_in as a string", `{"access_token":"A","expires_in":"3600"}`,
			Token{AccessToken: "A", ExpiresIn: 3600},
		},
		{
			"expires_in as a padded string", `{"access_token":"A","expires_in":" 3600 "}`,
			Token{AccessToken: "A", ExpiresIn: 3600},
		},
		{"expires_in of null", `{"access_token":"A","expires_in":null}`, Token{AccessToken: "A"}},
		{"expires_in of zero", `{"access_token":"A","expires_in":0}`, Token{AccessToken: "A"}},
		{"expires_in below zero", `{"access_token":"A","expires_in":-5}`, Token{AccessToken: "A"}},
		{"expires_in beyond int64", `{"access_token":"A","expires_in":99999999999999999999}`, Token{AccessToken: "A"}},
		{"expires_in beyond float64", `{"access_token":"A","expires_in":1e999}`, Token{AccessToken: "A"}},
		{"expires_in that is no number", `{"access_token":"A","expires_in":"soon"}`, Token{AccessToken: "A"}},
		{"expires_in of NaN", `{"access_token":"A","expires_in":"NaN"}`, Token{AccessToken: "A"}},
		{"expires_in of another type", `{"access_token":"A","expires_in":[1]}`, Token{AccessToken: "A"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, failure := ReadToken(answerOf(200, c.body))
			if failure != nil || got != c.want {
				t.Fatalf("got %+v, %+v, want %+v", got, failure, c.want)
			}
		})
	}
}

func TestReadToken_RefusesWhatIsNone(t *testing.T) {
	for _, c := range []struct{ name, body, code string }{
		{"nothing", ``, ""},
		{"an empty object", `{}`, ""},
		{"an empty access token", `{"access_token":""}`, ""},
		{"an access token that is no string", `{"access_token":1}`, ""},
		{"an access token that would break a header", `{"access_token":"A\r\nX: y"}`, ""},
		{"an access token with a space", `{"access_token":"A B"}`, ""},
		{"an access token beyond ASCII", `{"access_token":"é"}`, ""},
		{"HTML", `<html><a href="?access_token=A"></html>`, ""},
		{"half an object", `{"access_token":"A"`, ""},
		{"two objects", `{"access_token":"A"}{}`, ""},
		{"an array", `[{"access_token":"A"}]`, ""},
		{"null", `null`, ""},
		{"an error in a success", `{"error":"invalid_grant","error_description":"gone"}`, "invalid_grant"},
		{"an error beside a token", `{"error":"invalid_grant","access_token":"A"}`, "invalid_grant"},
		{"an error in a form", `error=slow_down`, "slow_down"},
		{"an error that is an object", `{"error":{"message":"no","type":"OAuthException","code":1}}`, "OAuthException"},
		{"a list of errors", `{"errors":[{"code":"bad_token"}]}`, "bad_token"},
		{"a message instead of a token", `{"message":"Invalid refresh token","code":"x"}`, "x"},
		{"an error that is prose", `{"error":"Something went wrong"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, failure := ReadToken(answerOf(200, c.body))
			if failure == nil || got != (Token{}) || failure.Status != 200 {
				t.Fatalf("got %+v, %+v", got, failure)
			}
			if failure.Code != c.code || (failure.Cause == nil) != failure.Said || c.code != "" && !failure.Said {
				t.Fatalf("got the code %q and the cause %v, want %q", failure.Code, failure.Cause, c.code)
			}
		})
	}
}

func TestReadObject(t *testing.T) {
	type object struct {
		Name string `json:"name"`
		N    int64  `json:"n"`
	}
	for _, c := range []struct {
		name, body string
		want       object
		fails      bool
	}{
		{"an object", `{"name":"x","n":9007199254740993,"more":1}`, object{"x", 9007199254740993}, false},
		{"one after a byte order mark", "\xef\xbb\xbf{\"name\":\"x\"}", object{Name: "x"}, false},
		{"a form", `name=x`, object{Name: "x"}, false},
		{"members of another type", `{"name":1}`, object{}, true},
		{"no object", `[]`, object{}, true},
		{"an error", `{"error":"invalid_request","name":"x"}`, object{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got object
			failure := ReadObject(answerOf(200, c.body), &got)
			if (failure != nil) != c.fails || got != c.want {
				t.Fatalf("got %+v, %+v", got, failure)
			}
		})
	}
	if failure := ReadObject(answerOf(200, `{}`), nil); failure != nil {
		t.Fatalf("an answer that nobody wants gives %+v", failure)
	}
}
