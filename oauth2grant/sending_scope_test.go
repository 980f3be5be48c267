package oauth2grant_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// A refresh sends the scope that Refresh.Scope says, and the requested one if
// the server refuses it for its scope.
func TestRefresh_ScopeThatServersWantOrRefuse(t *testing.T) {
	const token = `{"access_token":"A2","refresh_token":"R"}`
	// refuses answers with a body unless a scope is one that it takes.
	refuses := func(status int, body string, takes ...string) func(string) (int, string) {
		return func(scope string) (int, string) {
			if slices.Contains(takes, scope) {
				return 200, token
			}
			return status, body
		}
	}
	const (
		none         = oauth2grant.RefreshScopeNone
		granted      = oauth2grant.RefreshScopeGranted
		all          = oauth2grant.RefreshScopeRequested
		invalidScope = `{"error":"invalid_scope"}`
		missing      = `{"error":"invalid_request","error_description":"scope is required"}`
	)
	for _, c := range []struct {
		name      string
		setting   oauth2grant.RefreshScope
		requested string
		server    func(scope string) (int, string)
		first     string // scopes sent by the first RefreshToken, with | between them
		second    string // and by the second, - for a refresh that is not asked for any more
		ok        bool
	}{
		{"any scope is refused", none, "read write", refuses(400, invalidScope, ""), "", "", true},
		{"more than was granted is refused", none, "read write", refuses(400, invalidScope, "", "read"), "", "", true},
		{"what was granted is wanted", granted, "read write", refuses(400, invalidScope, "read"), "read", "read", true},
		{
			"what was requested is wanted", all, "read write", refuses(400, missing, "read write"), "read write",
			"read write", true,
		},
		{
			"none is refused in words", none, "read write", refuses(400, missing, "read write"), "|read write",
			"read write", true,
		},
		{
			"none is refused by code", none, "read write", refuses(400, invalidScope, "read write"), "|read write",
			"read write", true,
		},
		{
			"none is refused in other words", none, "read",
			refuses(400, `{"error":"invalid_request","error_description":"Missing parameter: SCOPE"}`, "read"),
			"|read", "read", true,
		},
		{"none is refused in a 200", none, "read", refuses(200, invalidScope, "read"), "|read", "read", true},
		{"none is refused in a form", none, "read", refuses(400, `error=invalid_scope`, "read"), "|read", "read", true},
		{
			"none is refused in an object", none, "read", refuses(400, `{"error":{"code":"invalid_scope"}}`, "read"),
			"|read", "read", true,
		},
		{
			"what was granted is refused", granted, "read write", refuses(400, invalidScope, "read write"),
			"read|read write", "read write", true,
		},
		{"every scope is refused", none, "read", refuses(400, invalidScope), "|read", "|read", false},
		{"what was requested is refused", all, "read", refuses(400, invalidScope), "read", "read", false},
		{"none was requested", none, "", refuses(400, invalidScope), "", "", false},
		{
			"another thing is missing", none, "read",
			refuses(400, `{"error":"invalid_request","error_description":"which tenant?"}`, "read"), "", "", false,
		},
		{"nothing is said", none, "read", refuses(400, `{"error":"invalid_request"}`, "read"), "", "", false},
		{
			"the token is dead, for its scope", none, "read",
			refuses(400, `{"error":"invalid_grant","error_description":"the scope was withdrawn"}`), "", "-", false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sent []string
				g := open(t, oauth2grant.RefreshOnly{}, oauth2grant.Config{
					Server: oauth2grant.Server{TokenURL: "https://as.example/t"}, Auth: oauth2grant.Public("client"),
					Scopes: strings.Fields(c.requested), Refresh: oauth2grant.Refresh{Scope: c.setting, Disabled: true},
					Token: oauth2grant.Token{
						AccessToken: "A", RefreshToken: "R", Scope: "read", Expiry: time.Now().Add(time.Hour),
					},
					HTTPClient: scripted(func(_ *http.Request, form url.Values) (int, string) {
						sent = append(sent, form.Get("scope"))
						return c.server(form.Get("scope"))
					}),
				})
				for _, want := range []string{c.first, c.second} {
					sent = nil
					_, err := g.RefreshToken(t.Context())
					got := strings.Join(sent, "|")
					if got != want && (want != "-" || len(sent) > 0) || (err == nil) != c.ok {
						t.Errorf("sent %q, want %q: %v", got, want, err)
					}
				}
			})
		})
	}
}
