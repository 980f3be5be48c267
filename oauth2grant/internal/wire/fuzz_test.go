package wire

import (
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/challenge"
)

func FuzzToken(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"A","token_type":"Bearer","expires_in":3600,"scope":["a"],"x":{}}`,
		`access_token=A&expires_in=1e3`, `{"error":"invalid_grant"}`,
		`{"access_token":"A","expires_in":"9223372036854775808"}`, "\xef\xbb\xbf{}", `{"access_token":"\u0000"}`,
		`null`, ``, `=`, `{"access_token":"A","expires_in":-0x1p-2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer := answerOf(200, string(body))
		token, failure := ReadToken(answer)
		if (failure == nil) != (token != Token{}) {
			t.Fatal("neither or both of a token and a failure")
		}
		if failure != nil {
			unrevealing(t, failure)
			return
		}
		const centuries = 10 * 365 * 24 * 60 * 60 * 100
		if token.ExpiresIn < 0 || token.ExpiresIn > centuries {
			t.Fatalf("the lifetime is %d", token.ExpiresIn)
		}
		if token.AccessToken == "" || !HeaderSafe(token.AccessToken) {
			t.Fatalf("the access token is %q", token.AccessToken)
		}
		var extra map[string]any
		if failure := ReadObject(Answer{Body: []byte(token.Extra)}, &extra); token.Extra != "" && failure != nil &&
			failure.Code == "" {
			t.Fatalf("what is kept of the rest is no object: %q", token.Extra)
		}
	})
}

func FuzzError(f *testing.F) {
	for _, seed := range []string{
		`{"error":"invalid_grant","error_description":"` + verifierSecret + `"}`,
		`error=x&error_description=` + longerSecret, `{"error":"` + tenantSecret + `"}`,
		`{"error":"x","error_description":"\u202e\u0000` + verifierSecret[:9] + `"}`, `<html>`, ``,
		`{"error":"x","interval":1e300}`,
	} {
		f.Add(400, "7", seed)
		f.Add(503, "Sun, 06 Nov 1994 08:49:37 GMT", seed)
	}
	f.Fuzz(func(t *testing.T, status int, after, body string) {
		if status < 300 || status > 999 {
			return
		}
		_, failure := Post(t.Context(), Client(always(status, body, "Retry-After", after)), endpoint, sent)
		if failure == nil {
			return // too large for an error, or none
		}
		unrevealing(t, failure)
		inOneLine(t, failure.Description)
		inOneLine(t, failure.URI)
		if failure.RetryAfter < 0 || failure.Interval < 0 || strings.ContainsAny(failure.Code, " \r\n\"\\") {
			t.Fatalf("got %+v", failure)
		}
	})
}

func FuzzChallenge(f *testing.F) {
	for _, seed := range []string{
		`Bearer realm="a", error="invalid_token"`, `Negotiate YII=, Bearer`, `DPoP error=use_dpop_nonce,algs="ES256"`,
		`Bearer error="x\`, `= = ,`, "Basic\x00\xff\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, c := range challenge.Read([]string{value, value}) {
			if c.Scheme == "" || c.Scheme != strings.ToLower(c.Scheme) ||
				!strings.Contains(strings.ToLower(value), c.Scheme) {
				t.Fatalf("the scheme is %q", c.Scheme)
			}
			for name := range c.Params {
				if name == "" || name != strings.ToLower(name) {
					t.Fatalf("a name is %q", name)
				}
			}
		}
	})
}
