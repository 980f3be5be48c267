package oauth2grant_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// scripted answers every request by a func.
func scripted(answer func(r *http.Request, form url.Values) (int, string)) *http.Client {
	return &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		var form url.Values
		if r.Body != nil {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			if form, err = url.ParseQuery(string(body)); err != nil {
				return nil, err
			}
		}
		status, body := answer(r, form)
		return &http.Response{
			StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})}
}

// member returns a Dialect.Answer that reads what stands within a member of an
// answer, if it is there.
func member(name string) func(string, int, []byte) []byte {
	return func(_ string, _ int, body []byte) []byte {
		var outer map[string]json.RawMessage
		if json.Unmarshal(body, &outer) == nil && bytes.HasPrefix(outer[name], []byte("{")) {
			return outer[name]
		}
		return body
	}
}

func TestDialect_ReadsAndWritesWhatAServerHasInstead(t *testing.T) {
	const token = `"access_token":"xoxp-1","refresh_token":"R2","token_type":"user","expires_in":3600`
	for name, c := range map[string]struct {
		scheme  string
		dialect oauth2grant.Dialect
		answer  string
		wants   func(form url.Values) bool
	}{
		"a token within another object": {
			"Bearer",
			oauth2grant.Dialect{Answer: member("authed_user")},
			`{"ok":true,"authed_user":{"id":"U1",` + token + `},"team":{}}`, nil,
		},
		"an envelope": {
			"Bearer",
			oauth2grant.Dialect{Answer: member("body")},
			`{"status":0,"body":{"userid":"363",` + token + `}}`, nil,
		},
		"data within data": {
			"Bearer", oauth2grant.Dialect{Answer: func(op string, status int, body []byte) []byte {
				return member("token")(op, status, member("data")(op, status, body))
			}}, `{"data":{"token":{` + token + `}}}`, nil,
		},
		"members of other names": {
			"Bearer", oauth2grant.Dialect{Answer: func(_ string, _ int, body []byte) []byte {
				return bytes.ReplaceAll(body, []byte("accessToken"), []byte("access_token"))
			}}, `{"accessToken":"xoxp-1","refresh_token":"R2"}`, nil,
		},
		"client_key": {
			"Bearer",
			oauth2grant.Dialect{Request: func(_ string, _ http.Header, form url.Values) {
				form["client_key"] = form["client_id"]
				form.Del("client_id")
			}},
			`{` + token + `}`,
			func(form url.Values) bool {
				return form.Get("client_key") == "client" && !form.Has("client_id") &&
					form.Get("client_secret") == "secret"
			},
		},
		"an extra parameter of some requests": {
			"Bearer",
			oauth2grant.Dialect{Request: func(op string, _ http.Header, form url.Values) {
				if op == oauth2grant.OpRefresh {
					form.Set("action", "requesttoken")
				}
			}},
			`{` + token + `}`,
			func(form url.Values) bool { return form.Has("action") == (form.Get("grant_type") == "refresh_token") },
		},
		"a scheme of its own": {"Zoho-oauthtoken", oauth2grant.Dialect{}, `{` + token + `}`, nil},
		"another type": {
			"Bearer", oauth2grant.Dialect{}, strings.Replace(`{`+token+`}`, "user", "BearerToken", 1), nil,
		},
		"no type": {"token", oauth2grant.Dialect{}, `{"access_token":"xoxp-1","refresh_token":"R2"}`, nil},
		"a bot":   {"Bot", oauth2grant.Dialect{}, strings.Replace(`{`+token+`}`, "user", "bot", 1), nil},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := oauth2grant.Config{
				Server: oauth2grant.Server{TokenURL: "https://as.example/t"},
				Auth:   oauth2grant.SecretPost("client", "secret"), Scheme: c.scheme, Dialect: c.dialect,
				HTTPClient: scripted(func(_ *http.Request, form url.Values) (int, string) {
					if c.wants != nil && !c.wants(form) {
						t.Errorf("sent %v", form)
					}
					return 200, c.answer
				}),
			}
			g := open(t, oauth2grant.ClientCredentials{}, cfg)
			for range 2 { // the first answer, and that of a refresh
				h := http.Header{}
				if err := g.PrepareRequest(t.Context(), h); err != nil || h.Get("Authorization") != c.scheme+" xoxp-1" {
					t.Fatalf("got %q, %v", h.Get("Authorization"), err)
				}
				if _, err := g.RefreshToken(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestDialect_IsAskedAboutEveryRequestButThatOfDiscovery(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	var requests, answers []string
	cfg := configFor(srv)
	cfg.Dialect = oauth2grant.Dialect{
		Request: func(op string, h http.Header, _ url.Values) {
			requests = append(requests, op)
			h.Set("X-Dialect", "yes")
		},
		Answer: func(op string, status int, body []byte) []byte {
			answers = append(answers, fmt.Sprint(op, " ", status))
			return body
		},
	}
	c := newClient(t, cfg)
	access, refresh, _ := srv.Issue("client", "alice", "openid")
	_, err := c.Refresh(t.Context(), refresh, nil)
	_, infoErr := c.UserInfo(t.Context(), access)
	_, introspectErr := c.Introspect(t.Context(), access, "")
	if err := errors.Join(err, infoErr, introspectErr, c.Revoke(t.Context(), access, "")); err != nil {
		t.Fatal(err)
	}
	_, err = c.UserInfo(t.Context(), "unknown-token")
	wantIs(t, err, oauth2grant.InvalidToken)
	want := []string{"refresh_token", "userinfo", "introspection", "revocation", "userinfo"}
	if !slices.Equal(requests, want) || len(answers) != len(want) || answers[4] != "userinfo 401" {
		t.Errorf("asked about %q and %q", requests, answers)
	}
	for _, r := range srv.Requests() {
		if discovery := strings.Contains(r.URL, ".well-known"); (r.Header.Get("X-Dialect") == "yes") == discovery {
			t.Errorf("%s has %v", r.URL, r.Header)
		}
	}
}

func TestConfig_SchemeIsTheNameOfOne(t *testing.T) {
	for scheme, ok := range map[string]bool{
		"Bearer": true, "Zoho-oauthtoken": true, "token": true, "Bot": true, "OAuth": true, "A1!#$": true,
		"a b": false, " ": false, "a\r\nX:": false, "é": false, "a,b": false, "a=b": false, "(a)": false,
	} {
		cfg := configFor(granttest.New(granttest.Config{}))
		cfg.Scheme = scheme
		if _, err := oauth2grant.NewClient(cfg); (err == nil) != ok {
			t.Errorf("%q: %v", scheme, err)
		}
	}
	cfg := configFor(granttest.New(granttest.Config{}))
	cfg.Scheme, cfg.Proof = "Bearer", &prover{}
	_, err := oauth2grant.NewClient(cfg)
	wantIs(t, err, oauth2grant.ErrConfig)
}
