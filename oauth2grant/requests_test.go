package oauth2grant_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// answering returns a client whose server answers everything alike.
func answering(t *testing.T, status int, body string) *oauth2grant.Client {
	t.Helper()
	return newClient(t, oauth2grant.Config{
		Server: oauth2grant.Server{
			TokenURL: "https://as.example/t", RevocationURL: "https://as.example/r",
			IntrospectionURL: "https://as.example/i", UserInfoURL: "https://as.example/u",
		},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: scripted(func(*http.Request, url.Values) (int, string) { return status, body }),
	})
}

func TestClient_RevokesWhatIsGoneAlready(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		ok     bool
	}{
		"a success":                    {200, ``, true},
		"a success with an object":     {200, `{}`, true},
		"a success without content":    {204, ``, true},
		"a success in words":           {200, `OK`, true},
		"invalid_token":                {400, `{"error":"invalid_token","error_description":"no such token"}`, true},
		"invalid_token with 401":       {401, `{"error":"invalid_token"}`, true},
		"invalid_grant":                {400, `{"error":"invalid_grant"}`, true},
		"token_expired":                {400, `{"error":"token_expired"}`, true},
		"token_revoked":                {400, `{"error":{"code":"token_revoked"}}`, true},
		"invalid_client":               {401, `{"error":"invalid_client"}`, false},
		"unsupported_token_type":       {400, `{"error":"unsupported_token_type"}`, false},
		"an outage":                    {503, `{"error":"invalid_token"}`, false},
		"a page":                       {404, `<html>`, false},
		"a refusal without a reason":   {400, ``, false},
		"a request that it can't read": {400, `{"error":"invalid_request"}`, false},
	} {
		err := answering(t, c.status, c.body).Revoke(t.Context(), "long-gone", "refresh_token")
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClient_IntrospectsLeniently(t *testing.T) {
	at := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		body string
		want oauth2grant.Introspection
		fail bool
	}{
		"RFC 7662": {
			`{"active":true,"scope":"a b","client_id":"c","username":"u","sub":"s","exp":4102444800}`,
			oauth2grant.Introspection{
				Active: true, Scope: "a b", ClientID: "c", Username: "u", Subject: "s", Expiry: at,
			},
			false,
		},
		"scope as an array": {
			`{"active":true,"scope":["a","b"]}`, oauth2grant.Introspection{Active: true, Scope: "a b"}, false,
		},
		"a subject of digits": {
			`{"active":true,"sub":12345678901234567890}`,
			oauth2grant.Introspection{Active: true, Subject: "12345678901234567890"},
			false,
		},
		"a client of digits": {
			`{"active":true,"client_id":7}`, oauth2grant.Introspection{Active: true, ClientID: "7"}, false,
		},
		"an end as a string": {
			`{"active":true,"exp":"4102444800"}`, oauth2grant.Introspection{Active: true, Expiry: at}, false,
		},
		"an end as a fraction": {
			`{"active":true,"exp":4102444800.0}`, oauth2grant.Introspection{Active: true, Expiry: at}, false,
		},
		"active as a string": {`{"active":"true"}`, oauth2grant.Introspection{Active: true}, false},
		"active as a number": {`{"active":0}`, oauth2grant.Introspection{}, false},
		"null for what is not": {
			`{"active":false,"scope":null,"exp":null,"sub":null}`, oauth2grant.Introspection{}, false,
		},
		"a byte order mark": {"\xef\xbb\xbf" + `{"active":true}`, oauth2grant.Introspection{Active: true}, false},
		"a form": {
			`active=true&scope=a+b`, oauth2grant.Introspection{Active: true, Scope: "a b"}, false,
		},
		"nothing of it":         {`{}`, oauth2grant.Introspection{}, true},
		"active in words":       {`{"active":"yes"}`, oauth2grant.Introspection{}, true},
		"active as an object":   {`{"active":{}}`, oauth2grant.Introspection{}, true},
		"an error in a success": {`{"error":"invalid_client"}`, oauth2grant.Introspection{}, true},
		"a page":                {`<html>`, oauth2grant.Introspection{}, true},
	} {
		got, err := answering(t, 200, c.body).Introspect(t.Context(), "a-token", "")
		if (err != nil) != c.fail || got.String() != c.want.String() || !got.Expiry.Equal(c.want.Expiry) ||
			got.Username != c.want.Username {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestClient_UserInfoReadsLeniently(t *testing.T) {
	for name, c := range map[string]struct {
		claim  string
		status int
		body   string
		sub    string
		target error
	}{
		"OpenID Connect":              {"", 200, `{"sub":"s","email":"a@b"}`, "s", nil},
		"a subject of digits":         {"", 200, `{"sub":583231}`, "583231", nil},
		"a byte order mark":           {"", 200, "\xef\xbb\xbf" + `{"sub":"s"}`, "s", nil},
		"GitHub's":                    {"id", 200, `{"login":"octocat","id":583231}`, "583231", nil},
		"one by name":                 {"username", 200, `{"username":"octocat"}`, "octocat", nil},
		"no subject":                  {"", 200, `{"login":"octocat","id":583231}`, "", errors.ErrUnsupported},
		"none by the name":            {"uid", 200, `{"sub":"s"}`, "", errors.ErrUnsupported},
		"a subject that is an object": {"", 200, `{"sub":{}}`, "", errors.ErrUnsupported},
		"a signed answer":             {"", 200, `eyJhbGciOiJub25lIn0.e30.`, "", errors.ErrUnsupported},
		"an error in a success":       {"", 200, `{"error":"invalid_token"}`, "", oauth2grant.InvalidToken},
		"an error in the body":        {"", 401, `{"error":"invalid_token"}`, "", oauth2grant.InvalidToken},
		"an error that is an object": {
			"", 401, `{"error":{"code":"access_denied","message":"no"}}`, "", oauth2grant.AccessDenied,
		},
	} {
		cfg := oauth2grant.Config{
			Server: oauth2grant.Server{
				TokenURL: "https://as.example/t", UserInfoURL: "https://as.example/u", SubjectClaim: c.claim,
			},
			Auth:       oauth2grant.SecretBasic("client", "secret"),
			HTTPClient: scripted(func(*http.Request, url.Values) (int, string) { return c.status, c.body }),
		}
		got, err := newClient(t, cfg).UserInfo(t.Context(), "a-token")
		if got.Subject != c.sub || (err == nil) != (c.target == nil) || c.target != nil && !errors.Is(err, c.target) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	for _, token := range []string{"", "a b", "a\r\nX: y", "é"} {
		if _, err := answering(t, 200, `{"sub":"s"}`).UserInfo(t.Context(), token); err == nil {
			t.Errorf("%q was sent", token)
		}
	}
}

func TestClient_HandsDownWhatAGrantDoesNotSay(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	cfg.Origins = []string{"https://api.example"}
	cfg.Refresh.Timeout = time.Minute
	shared := newClient(t, cfg)
	if shared.ClientID() != "client" {
		t.Errorf("the client ID is %q", shared.ClientID())
	}
	for name, c := range map[string]struct {
		origins []string
		to      string
		ok      bool
	}{
		"the Client's":                  {nil, "https://api.example/x", true},
		"not beyond the Client's":       {nil, "https://evil.example/x", false},
		"its own":                       {[]string{"https://other.example"}, "https://other.example/x", true},
		"its own instead of the others": {[]string{"https://other.example"}, "https://api.example/x", false},
	} {
		g := open(t, alice(), oauth2grant.Config{Client: shared, Origins: c.origins})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.to, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Authorize(req); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg.Origins = []string{"https://api.example/path"}
	_, err := oauth2grant.NewClient(cfg)
	wantIs(t, err, oauth2grant.ErrConfig)
}
