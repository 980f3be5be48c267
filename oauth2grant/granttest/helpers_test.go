package granttest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const (
	formType = "application/x-www-form-urlencoded"
	device   = "urn:ietf:params:oauth:grant-type:device_code"
	callback = "http://127.0.0.1:7777/callback"

	// RFC 7636 Appendix B.
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

var confidential = func(r *http.Request) { r.SetBasicAuth("client", "secret") }

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Text   string
	JSON   map[string]any
}

func (a answer) get(name string) string {
	text, _ := a.JSON[name].(string)
	return text
}

func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

func request(t *testing.T, method, target, body string, edit ...func(*http.Request)) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", formType)
	}
	for _, f := range edit {
		f(r)
	}
	return r
}

func send(t *testing.T, srv *granttest.Server, r *http.Request) answer {
	t.Helper()
	hc := srv.HTTPClient()
	hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := hc.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: response.StatusCode, Header: response.Header, Text: string(text)}
	if response.Header.Get("Content-Type") == "application/json" {
		if err := json.Unmarshal(text, &a.JSON); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

func post(t *testing.T, srv *granttest.Server, e granttest.Endpoint, f url.Values, edit ...func(*http.Request)) answer {
	t.Helper()
	return send(t, srv, request(t, http.MethodPost, srv.URL(e), f.Encode(), edit...))
}

func get(t *testing.T, srv *granttest.Server, target string, edit ...func(*http.Request)) answer {
	t.Helper()
	return send(t, srv, request(t, http.MethodGet, target, "", edit...))
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

func withContext(ctx context.Context) func(*http.Request) {
	return func(r *http.Request) { *r = *r.WithContext(ctx) }
}

func refresh(t *testing.T, srv *granttest.Server, token string, more ...string) answer {
	t.Helper()
	f := form(append([]string{"grant_type", "refresh_token", "refresh_token", token}, more...)...)
	return post(t, srv, granttest.Token, f, confidential)
}

// wantCode asserts an error answer; an empty code stands for success.
func wantCode(t *testing.T, a answer, code string) {
	t.Helper()
	if a.get("error") != code || (code == "") != (a.Status < 300) {
		t.Fatalf("answered %d %q, want error %q", a.Status, a.Text, code)
	}
}

func ask(srv *granttest.Server, pairs ...string) string {
	f := form("response_type", "code", "client_id", "native", "redirect_uri", callback, "state", "xyz",
		"code_challenge", challenge, "code_challenge_method", "S256")
	for name, values := range form(pairs...) {
		if f[name] = values; values[0] == "" {
			delete(f, name)
		}
	}
	return srv.URL(granttest.Authorize) + "?" + f.Encode()
}

func query(t *testing.T, target string) url.Values {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// approve signs alice in and returns the code.
func approve(t *testing.T, srv *granttest.Server, authURL string) string {
	t.Helper()
	target, err := srv.Approve(authURL, "alice")
	if err != nil {
		t.Fatal(err)
	}
	return query(t, target).Get("code")
}
