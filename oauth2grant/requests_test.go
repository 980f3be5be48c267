package oauth2grant_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
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
			TokenURL: "https://as.example/t", RevocationURL: "https://as.example/r", IntrospectionURL: "https://as.example/i",
			UserInfoURL: "https://as.example/u",
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
		if err := answering(t, c.status, c.body).Revoke(t.Context(), "long-gone", "refresh_token"); (err == nil) != c.ok {
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
			oauth2grant.Introspection{Active: true, Scope: "a b", ClientID: "c", Username: "u", Subject: "s", Expiry: at},
			false,
		},
		"scope as an array":     {`{"active":true,"scope":["a","b"]}`, oauth2grant.Introspection{Active: true, Scope: "a b"}, false},
		"a subject of digits":   {`{"active":true,"sub":12345678901234567890}`, oauth2grant.Introspection{Active: true, Subject: "12345678901234567890"}, false},
		"a client of digits":    {`{"active":true,"client_id":7}`, oauth2grant.Introspection{Active: true, ClientID: "7"}, false},
		"an end as a string":    {`{"active":true,"exp":"4102444800"}`, oauth2grant.Introspection{Active: true, Expiry: at}, false},
		"an end as a fraction":  {`{"active":true,"exp":4102444800.0}`, oauth2grant.Introspection{Active: true, Expiry: at}, false},
		"active as a string":    {`{"active":"true"}`, oauth2grant.Introspection{Active: true}, false},
		"active as a number":    {`{"active":0}`, oauth2grant.Introspection{}, false},
		"null for what is not":  {`{"active":false,"scope":null,"exp":null,"sub":null}`, oauth2grant.Introspection{}, false},
		"a byte order mark":     {"\xef\xbb\xbf" + `{"active":true}`, oauth2grant.Introspection{Active: true}, false},
		"a form":                {`active=true&scope=a+b`, oauth2grant.Introspection{Active: true, Scope: "a b"}, false},
		"nothing of it":         {`{}`, oauth2grant.Introspection{}, true},
		"active in words":       {`{"active":"yes"}`, oauth2grant.Introspection{}, true},
		"active as an object":   {`{"active":{}}`, oauth2grant.Introspection{}, true},
		"an error in a success": {`{"error":"invalid_client"}`, oauth2grant.Introspection{}, true},
		"a page":                {`<html>`, oauth2grant.Introspection{}, true},
	} {
		got, err := answering(t, 200, c.body).Introspect(t.Context(), "a-token", "")
		if (err != nil) != c.fail || got.String() != c.want.String() || !got.Expiry.Equal(c.want.Expiry) || got.Username != c.want.Username {
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
		"an error that is an object":  {"", 401, `{"error":{"code":"access_denied","message":"no"}}`, "", oauth2grant.AccessDenied},
	} {
		cfg := oauth2grant.Config{
			Server:     oauth2grant.Server{TokenURL: "https://as.example/t", UserInfoURL: "https://as.example/u", SubjectClaim: c.claim},
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

func TestServer_NoRefreshIsUnsupported(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	cfg.Server.NoRefresh = true
	_, err := newClient(t, cfg).Refresh(t.Context(), "a-refresh-token", nil)
	wantIs(t, err, errors.ErrUnsupported)
	if oauth2grant.IsTransient(err) || len(srv.Requests()) != 0 {
		t.Errorf("got %v after %v", err, asked(srv))
	}
	_, err = answering(t, 400, `{"error":"unsupported_grant_type"}`).Refresh(t.Context(), "a-refresh-token", nil)
	wantIs(t, err, errors.ErrUnsupported)
}

func TestMetadata_ForbidsNothingThatTheConfigNames(t *testing.T) {
	const device = "urn:ietf:params:oauth:grant-type:device_code"
	list := func(names ...string) any { return append([]string{}, names...) }
	for name, c := range map[string]struct {
		member string
		value  any
		grant  string
		named  func(*oauth2grant.Server)
		ok     bool
	}{
		"null":                               {"grant_types_supported", json.RawMessage(`null`), "client_credentials", nil, true},
		"a string":                           {"grant_types_supported", "password", "client_credentials", nil, true},
		"an object":                          {"grant_types_supported", map[string]any{}, "client_credentials", nil, true},
		"nothing":                            {"grant_types_supported", nil, "client_credentials", nil, true},
		"an empty list":                      {"grant_types_supported", list(), "client_credentials", nil, false},
		"another list":                       {"grant_types_supported", list("password"), "client_credentials", nil, false},
		"another list, and a token endpoint": {"grant_types_supported", list("password"), "client_credentials", func(s *oauth2grant.Server) { s.TokenURL = "https://auth.granttest.example/token" }, true},
		"device_code for its URN":            {"grant_types_supported", list("device_code"), device, nil, true},
		"no device_code":                     {"grant_types_supported", list("password"), device, nil, false},
		"no device_code, and its endpoint":   {"grant_types_supported", list("password"), device, func(s *oauth2grant.Server) { s.DeviceAuthURL = "https://as.example/d" }, true},
		"no code":                            {"grant_types_supported", list("password"), "authorization_code", nil, false},
		"no code, and its endpoint":          {"grant_types_supported", list("password"), "authorization_code", func(s *oauth2grant.Server) { s.AuthURL = "https://as.example/a" }, true},
		"no refresh_token":                   {"grant_types_supported", list("password"), "refresh_token", nil, true},
		"no method":                          {"token_endpoint_auth_methods_supported", json.RawMessage(`null`), "client_credentials", nil, true},
		"a method as a string":               {"token_endpoint_auth_methods_supported", "private_key_jwt", "client_credentials", nil, true},
		"another method":                     {"token_endpoint_auth_methods_supported", list("private_key_jwt"), "client_credentials", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{})
			setMetadata(srv, c.member, c.value)
			cfg := configFor(srv)
			if c.named != nil {
				c.named(&cfg.Server)
			}
			params := url.Values{"grant_type": {c.grant}, "device_code": {"D"}, "code": {"C"}, "refresh_token": {"R"}}
			_, err := newClient(t, cfg).RequestToken(t.Context(), params)
			if errors.Is(err, errors.ErrUnsupported) == c.ok {
				t.Fatalf("got %v", err)
			}
			if !c.ok && (!strings.Contains(err.Error(), c.member) || !strings.Contains(err.Error(), "Server.TokenURL")) {
				t.Errorf("%v names neither the list nor the way round", err)
			}
		})
	}
}

func TestMetadata_SaysWhyAnEndpointIsLeftOut(t *testing.T) {
	for value, want := range map[string]string{
		"https://127.0.0.1/r":       "loopback or private",
		"https://10.0.0.1/r":        "loopback or private",
		"https://[64:ff9b::a00:1]/": "loopback or private",
		"https://100.64.0.1/":       "loopback or private",
		"http://auth.example/r":     "http beyond this machine",
		"https://bücher.example/r":  "xn--bcher-kva.example",
		"https://:443/r":            "no host",
		"https://u:p@as.example/":   "user and fragment",
		"javascript:alert(1)":       "absolute URL",
		"https://127.1/r":           "neither a name nor an address",
		"":                          "no revocation_endpoint",
	} {
		srv := granttest.New(granttest.Config{})
		setMetadata(srv, "revocation_endpoint", value)
		c := newClient(t, configFor(srv))
		err := c.Revoke(t.Context(), "a-token", "")
		wantIs(t, err, errors.ErrUnsupported)
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Server.RevocationURL") {
			t.Errorf("%q: %v", value, err)
		}
		if _, err := c.RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}}); err != nil {
			t.Errorf("%q spoils the rest: %v", value, err)
		}
	}
}

func TestDiscover_LooksBelowTheIssuerLast(t *testing.T) {
	for issuer, below := range map[string]string{
		"https://auth.example/tenant":             "/tenant/.well-known/oauth-authorization-server",
		"https://auth.example/tenant/":            "/tenant/.well-known/oauth-authorization-server",
		"https://auth.example/a/b/c":              "/a/b/c/.well-known/oauth-authorization-server",
		"https://auth.example/oauth2/default":     "/oauth2/default/.well-known/oauth-authorization-server",
		"https://auth.example/realms/x":           "/realms/x/.well-known/oauth-authorization-server",
		"https://auth.example/tenant/v2.0":        "/tenant/v2.0/.well-known/oauth-authorization-server",
		"https://auth.example/t%20x":              "/t x/.well-known/oauth-authorization-server",
		"https://auth.example:8443/tenant":        "/tenant/.well-known/oauth-authorization-server",
		"http://127.0.0.1:8080/tenant":            "/tenant/.well-known/oauth-authorization-server",
		"https://auth.example/oidc/.well-known/x": "/oidc/.well-known/x/.well-known/oauth-authorization-server",
	} {
		for name, others := range map[string]int{"nothing": 404, "a page": 200, "an outage": 503, "a refusal": 403} {
			var asked []string
			s, err := oauth2grant.Discover(t.Context(), issuer, scripted(func(r *http.Request, _ url.Values) (int, string) {
				asked = append(asked, r.URL.Path)
				if r.URL.Path == below {
					return 200, `{"issuer":"` + issuer + `","token_endpoint":"` + issuer + `/token"}`
				}
				return others, "<html>"
			}))
			if err != nil || s.TokenURL != issuer+"/token" || len(asked) != 3 || asked[2] != below {
				t.Errorf("%s, %s elsewhere: got %q, %v after %q", issuer, name, s.TokenURL, err, asked)
			}
		}
	}
}

func TestDiscover_SaysInOneLineWhatWentWrong(t *testing.T) {
	const path, oidc, below = "/.well-known/oauth-authorization-server/t", "/t/.well-known/openid-configuration", "/t/.well-known/oauth-authorization-server"
	const at = "oauth2grant: discovery at auth.example: "
	for name, c := range map[string]struct {
		answers   map[string]int
		body      string
		want      string
		transient bool
	}{
		"none anywhere":      {nil, `<html>`, at + path + "; " + oidc + "; " + below + ": no metadata there (HTTP 404)", false},
		"an outage":          {map[string]int{path: 503, oidc: 503, below: 503}, ``, at + path + "; " + oidc + "; " + below + ": no metadata there (HTTP 503)", true},
		"an outage of one":   {map[string]int{oidc: 500}, ``, at + path + ": no metadata there (HTTP 404); " + oidc + ": no metadata there (HTTP 500); " + below + ": no metadata there (HTTP 404)", true},
		"another's metadata": {map[string]int{oidc: 200}, `{"issuer":"https://evil.example"}`, `the metadata is that of issuer "https://evil.example", not of "https://auth.example/t"`, false},
		"a template":         {map[string]int{oidc: 200}, `{"issuer":"https://auth.example/{tenantid}?key=K"}`, `the metadata is that of issuer "https://auth.example/{tenantid}", not of`, false},
		"no metadata":        {map[string]int{oidc: 200}, `<html>`, oidc + ": the metadata is not a JSON object (HTTP 200)", true},
		"an error":           {map[string]int{oidc: 400}, `{"error":"invalid_request","error_description":"no such tenant"}`, oidc + ": invalid_request: no such tenant (HTTP 400)", false},
		"a redirect":         {map[string]int{path: 302, oidc: 302, below: 302}, ``, "redirects without saying where to", false},
	} {
		_, err := oauth2grant.Discover(t.Context(), "https://auth.example/t", scripted(func(r *http.Request, _ url.Values) (int, string) {
			if status, ok := c.answers[r.URL.Path]; ok {
				return status, c.body
			}
			return 404, `<html>`
		}))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v\nwant %s", name, err, c.want)
		}
		if oauth2grant.IsTransient(err) != c.transient {
			t.Errorf("%s: transient %v", name, !c.transient)
		}
	}
}
