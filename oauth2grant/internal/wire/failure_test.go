package wire

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestReadFailure(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       Failure
	}{
		{
			"JSON", `{"error":"invalid_scope","error_description":"no","error_uri":"https://as.test/e"}`,
			Failure{Code: "invalid_scope", Description: "no", URI: "https://as.test/e", Said: true},
		},
		{
			"JSON after a byte order mark", "\xef\xbb\xbf {\"error\":\"invalid_scope\"}",
			Failure{Code: "invalid_scope", Said: true},
		},
		{
			"a form", `error=invalid_scope&error_description=no+way`,
			Failure{Code: "invalid_scope", Description: "no way", Said: true},
		},
		{"a code of a vendor", `{"error":"urn:vendor:x.y-Z"}`, Failure{Code: "urn:vendor:x.y-Z", Said: true}},
		{
			"the interval of a device", `{"error":"slow_down","interval":"10"}`,
			Failure{Code: "slow_down", Interval: 10, Said: true},
		},
		{
			"a description of another type", `{"error":"invalid_scope","error_description":{"a":1}}`,
			Failure{Code: "invalid_scope", Said: true},
		},
		{
			"other members", `{"error":"invalid_grant","suberror":"basic_action","error_codes":[50079]}`,
			Failure{Code: "invalid_grant", Extra: `{"error_codes":[50079],"suberror":"basic_action"}`, Said: true},
		},
		{
			"prose instead of a code", `{"error":"It did not work","error_description":"no"}`,
			Failure{Description: "It did not work: no", Said: true},
		},
		{
			"an endless code", `{"error":"` + strings.Repeat("x", 101) + `"}`,
			Failure{Description: strings.Repeat("x", 101), Said: true},
		},
		{
			"an object instead of a code", `{"error":{"message":"too old","type":"OAuthException","code":100}}`,
			Failure{Code: "OAuthException", Description: "too old", Said: true},
		},
		{
			"an object with a status", `{"error":{"code":403,"message":"not you","status":"PERMISSION_DENIED"}}`,
			Failure{Code: "PERMISSION_DENIED", Description: "not you", Said: true},
		},
		{"an object that says nothing", `{"error":{"code":400}}`, Failure{}},
		{
			"a list of errors", `{"errors":[{"errorType":"invalid_grant","message":"used before"}],"success":false}`,
			Failure{
				Code: "invalid_grant", Description: "used before", Said: true,
				Extra: `{"errors":[{"errorType":"invalid_grant","message":"used before"}],"success":false}`,
			},
		},
		{
			"a list of errors beside words",
			`{"message":"Bad Request","errors":[{"resource":"RefreshToken","code":"invalid"}]}`,
			Failure{
				Code: "invalid", Description: "Bad Request", Said: true,
				Extra: `{"errors":[{"resource":"RefreshToken","code":"invalid"}],"message":"Bad Request"}`,
			},
		},
		{
			"a list of texts", `{"errors":["the token is gone"]}`,
			Failure{Description: "the token is gone", Said: true, Extra: `{"errors":["the token is gone"]}`},
		},
		{
			"a message", `{"message":"the token is gone"}`,
			Failure{Description: "the token is gone", Said: true, Extra: `{"message":"the token is gone"}`},
		},
		{
			"a code and a summary of their own", `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`,
			Failure{
				Code: "E0000011", Description: "Invalid token provided", Said: true,
				Extra: `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`,
			},
		},
		{
			"RFC 9457",
			`{"type":"https://as.test/probs/gone","title":"Gone","status":400,"detail":"the token is gone"}`,
			Failure{
				Description: "Gone: the token is gone", Said: true,
				Extra: `{"detail":"the token is gone","status":400,"title":"Gone","type":"https://as.test/probs/gone"}`,
			},
		},
		{
			"a list at the top", `[{"message":"no such session","errorCode":"INVALID_SESSION_ID"}]`,
			Failure{
				Code: "INVALID_SESSION_ID", Description: "no such session", Said: true,
				Extra: `{"errorCode":"INVALID_SESSION_ID","message":"no such session"}`,
			},
		},
		{
			"a text at the top", `"the token is gone"`,
			Failure{Description: "the token is gone", Said: true, Extra: `{"message":"the token is gone"}`},
		},
		{"a sentence", "Forbidden\n", Failure{Description: "Forbidden"}},
		{"a sentence of more words", "Your request was blocked.", Failure{Description: "Your request was blocked."}},
		{"what may be a credential", "dG9rZW4tMTIzNDU2Nzg5", Failure{}},
		{"data", "a,b;c={1}", Failure{}},
		{"HTML", `<p>error=invalid_grant</p>`, Failure{}},
		{"an object that is empty", `{}`, Failure{}},
		{"nothing", ``, Failure{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Status = 400
			if got := ReadFailure(answerOf(400, c.body)); *got != c.want {
				t.Fatalf("got %+v, want %+v", *got, c.want)
			}
		})
	}
}

func TestFailure_WhatAServerProvablyDidNotProcess(t *testing.T) {
	for status := 400; status < 600; status++ {
		want := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
		if got := ReadFailure(answerOf(status, `{"error":"server_error"}`)); got.Unprocessed != want || got.Own {
			t.Errorf("%d: got %+v", status, got)
		}
	}
}

func TestReadFailure_RetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		const day = 24 * time.Hour
		for _, c := range []struct {
			name, value, date string
			want              time.Duration
		}{
			{"none", "", "", 0},
			{"seconds", "120", "", 2 * time.Minute},
			{"padded seconds", " 120 ", "", 2 * time.Minute},
			{"no wait", "0", "", 0},
			{"a date", in(90 * time.Second), "", 90 * time.Second},
			{"a date that has passed", in(-time.Hour), "", 0},
			{"a date, of a clock ahead", in(day + 90*time.Second), in(day), 90 * time.Second},
			{"a date, of a clock behind", in(90*time.Second - day), in(-day), 90 * time.Second},
			{"a date that has passed there", in(day - time.Hour), in(day), 0},
			{"a date, of a clock never set", in(90 * time.Second), "Thu, 01 Jan 1970 00:00:09 GMT", 90 * time.Second},
			{"a date, of a clock that nobody can read", in(90 * time.Second), "today", 90 * time.Second},
			{"seconds, whatever the clock", "120", in(day), 2 * time.Minute},
			{"below zero", "-5", "", 0},
			{"a fraction", "1.5", "", 0},
			{"beyond int32", "99999999999999999999", "", 0},
			{"garbage", "soon", "", 0},
		} {
			if got := retryAfter(http.Header{"Retry-After": {c.value}, "Date": {c.date}}); got != c.want {
				t.Errorf("%s: got %v, want %v", c.name, got, c.want)
			}
		}
	})
}

func TestScrub_KeepsNoSecretOfTheRequest(t *testing.T) {
	for _, status := range []int{200, 400, 503} {
		for _, secret := range secretsSent() {
			for _, body := range []string{
				`{"error":"invalid_grant","error_description":` + quote("the code "+secret+" is used") + `}`,
				`{"error":"invalid_grant","error_uri":` + quote("https://as.test/?"+secret) + `}`,
				`{"error":` + quote(secret) + `}`,
				`{"error":` + quote("bad_"+secret) + `}`,
			} {
				s := always(status, body)
				answer, failure := Post(t.Context(), Client(s), endpoint, sent)
				if failure == nil {
					_, failure = ReadToken(answer)
				}
				if failure == nil {
					t.Fatalf("%s is no failure", body)
				}
				if failure.Cause == nil && failure.Code != "invalid_grant" && failure.Code != "" {
					t.Errorf("the code is %q", failure.Code)
				}
				unrevealing(t, failure)
			}
		}
	}
}

func TestScrub_WhatIsLeftRevealsNothing(t *testing.T) {
	for _, c := range []struct{ name, description, want string }{
		{"of a secret that begins with another", "the verifier " + longerSecret, "the verifier [redacted]"},
		{"of two secrets side by side", verifierSecret + tenantSecret, "[redacted][redacted]"},
		{
			"of a secret that a control character was hidden in", strings.Replace(codeSecret, " ", `\u0000`, 1),
			"[redacted]",
		},
		{"of a short value, which is no secret", "abcdefg", "abcdefg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, failure := Post(t.Context(),
				Client(always(400, `{"error":"invalid_request","error_description":"`+c.description+`"}`)),
				endpoint, sent)
			if failure == nil || failure.Description != c.want {
				t.Fatalf("got %+v, want %q", failure, c.want)
			}
		})
	}
}

// unrevealing asserts that no text of a failure has a secret of the request.
func unrevealing(t *testing.T, f *Failure) {
	t.Helper()
	texts := []string{f.Code, f.Description, f.URI}
	if f.Cause != nil {
		texts = append(texts, f.Cause.Error())
	}
	for _, text := range texts {
		for _, secret := range secretsSent() {
			if strings.Contains(text, secret) {
				t.Fatalf("%q is in %q", secret, text)
			}
		}
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func TestScrub_APublicParameterMayBeRepeated(t *testing.T) {
	_, failure := Post(t.Context(), Client(always(400,
		`{"error":"invalid_client","error_description":"client id abc of authorization_code"}`)), endpoint, sent)
	if failure == nil || failure.Description != "client id abc of authorization_code" {
		t.Fatalf("got %+v", failure)
	}
}

func TestScrub_KeepsARegisteredCodeThoughASecretIsPartOfIt(t *testing.T) {
	weak := func() (Form, error) {
		f, _ := plain()
		f.Values.Set("password", "grant")
		return f, nil
	}
	_, failure := Post(t.Context(), Client(always(400, `{"error":"invalid_grant"}`)), endpoint, weak)
	if failure == nil || failure.Code != "invalid_grant" {
		t.Fatalf("got %+v", failure)
	}
}

func TestReadFailure_ADescriptionFitsIntoALogLine(t *testing.T) {
	for _, c := range []struct{ name, description string }{
		{"control characters", `a\r\nlevel=ERROR\u0000\u001b[31m`},
		{"marks that turn the text around", `a\u202eb\u2066c`},
		{"line ends beyond ASCII", `a\u2028b\u0085c`},
		{"a long one", strings.Repeat("é", 100_000)},
		{"half a character", `\ud800`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, failure := Post(t.Context(),
				Client(always(400, `{"error":"invalid_request","error_description":"`+c.description+`"}`)),
				endpoint, plain)
			if failure == nil || failure.Description == "" {
				t.Fatalf("got %+v", failure)
			}
			inOneLine(t, failure.Description)
		})
	}
}

func inOneLine(t *testing.T, text string) {
	t.Helper()
	if len(text) > longest+len("…") || !utf8.ValidString(text) {
		t.Fatalf("%d bytes: %q", len(text), text)
	}
	for _, r := range text {
		if !unicode.IsPrint(r) {
			t.Fatalf("%U is in %q", r, text)
		}
	}
}
