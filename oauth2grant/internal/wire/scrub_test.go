package wire

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestScrub_KnowsEncodings(t *testing.T) {
	const mark = "S3CRETMARK"
	secret := `p&ss+/w"ord<` + mark + `>é`
	form := func() (Form, error) {
		return Form{Values: url.Values{"password": {secret}}}, nil
	}
	inJSON := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	for name, encode := range map[string]func(string) string{
		"plain":                        func(s string) string { return s },
		"query-escaped":                url.QueryEscape,
		"query-escaped, in lower case": func(s string) string { return lowerHex(url.QueryEscape(s)) },
		"query-escaped, spaces as %20": func(s string) string {
			return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
		},
		"path-escaped":                 url.PathEscape,
		"as a form":                    func(s string) string { return url.Values{"password": {s}}.Encode() },
		"as JSON":                      func(s string) string { return inJSON(map[string]string{"password": s}) },
		"as a quoted string":           func(s string) string { return fmt.Sprintf("%q", s) },
		"as a quoted string, in ASCII": func(s string) string { return fmt.Sprintf("%+q", s) },
		"as HTML":                      html.EscapeString,
		"in base64":                    func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"in base64 for URLs": func(s string) string {
			return base64.RawURLEncoding.EncodeToString([]byte(s))
		},
		"in hexadecimal":                func(s string) string { return hex.EncodeToString([]byte(s)) },
		"cut short":                     func(s string) string { return s[:len(s)-3] },
		"cut short by dots":             func(s string) string { return s[:len(s)*3/5] + "…" },
		"a hundred times":               func(s string) string { return strings.Repeat(s, 100) },
		"beyond what is looked at":      func(s string) string { return strings.Repeat("x ", mostScrubbed/2-5) + s },
		"at the edge of what is looked": func(s string) string { return strings.Repeat(s, mostScrubbed/len(s)+1) },
	} {
		t.Run(name, func(t *testing.T) {
			text := encode(secret)
			body := inJSON(map[string]string{"error": "invalid_grant", "error_description": "bad " + text + " indeed"})
			_, failure := Post(t.Context(), Client(always(400, body)), endpoint, form)
			if failure == nil || failure.Code != "invalid_grant" {
				t.Fatalf("got %+v", failure)
			}
			for _, hidden := range []string{
				mark, text, base64.StdEncoding.EncodeToString([]byte(secret))[:20], hex.EncodeToString([]byte(mark)),
			} {
				if strings.Contains(failure.Description, hidden) {
					t.Errorf("%q is in %q", hidden, failure.Description)
				}
			}
			inOneLine(t, failure.Description)
		})
	}
}

func TestScrub_LeavesShortValues(t *testing.T) {
	form := func() (Form, error) { return Form{Values: url.Values{"password": {"wrong"}}}, nil }
	_, failure := Post(t.Context(),
		Client(always(400, `{"error":"invalid_grant","error_description":"wrong password"}`)), endpoint, form)
	if failure == nil || failure.Description != "wrong password" {
		t.Errorf("got %+v", failure)
	}
}

func TestScrub_KnowsHeaders(t *testing.T) {
	form := func() (Form, error) {
		h := http.Header{"Authorization": {"Bearer S3CRET-token"}, "User-Agent": {"a-program/1.0"}}
		h.Set("DPoP", "S3CRET.of.a-proof")
		h.Set("X-Api-Key", "S3CRET-key")
		return Form{Header: h, Values: url.Values{}}, nil
	}
	const echoed = "a-program/1.0 sent S3CRET-token, S3CRET.of.a-proof and S3CRET-key as application/json"
	body := `{"error":"invalid_request","error_description":"` + echoed + `"}`
	_, failure := Post(t.Context(), Client(always(400, body)), endpoint, form)
	const want = "a-program/1.0 sent [redacted], [redacted] and [redacted] as application/json"
	if failure == nil || failure.Description != want {
		t.Errorf("got %+v", failure)
	}
}
