package docs

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// provider is what one departs in.
type provider struct {
	config func(cfg *oauth2grant.Config)
	edit   func(answer map[string]any) // of every answer
	header string                      // what stands before the token
	extra  string                      // a member that Token.Extra must have, also after a refresh
}

// played are the departures in docs/providers.md that a server in memory can
// play.
var played = map[string]provider{
	"Salesforce": {
		config: func(cfg *oauth2grant.Config) { cfg.Refresh.AssumedLifetime = time.Hour },
		edit: func(answer map[string]any) {
			delete(answer, "expires_in")
			answer["instance_url"] = "https://eu1.example.com"
		},
		extra: "instance_url",
	},
	"Strava": {
		edit: func(answer map[string]any) { answer["expires_at"] = time.Now().Add(time.Hour).Unix() },
	},
	"Keycloak": {
		edit: func(answer map[string]any) {
			answer["refresh_expires_in"], answer["not-before-policy"], answer["session_state"] = 0, 0, "abc"
		},
		extra: "session_state",
	},
	"GitHub": {
		edit: func(answer map[string]any) {
			answer["expires_in"], answer["refresh_token_expires_in"], answer["scope"] = "3600", "15811200", ""
		},
	},
	"QuickBooks": {
		edit: func(answer map[string]any) { answer["x_refresh_token_expires_in"] = 8726400 },
	},
	"Zoho": {
		config: func(cfg *oauth2grant.Config) { cfg.Scheme = "Zoho-oauthtoken" },
		edit:   func(answer map[string]any) { answer["api_domain"] = "https://www.example.com" },
		header: "Zoho-oauthtoken ",
		extra:  "api_domain",
	},
	"Slack": {
		config: func(cfg *oauth2grant.Config) { cfg.Scheme, cfg.Dialect.Answer = "Bearer", within("authed_user") },
		edit:   envelope("authed_user", map[string]any{"ok": true, "token_type": "bot"}),
	},
	"Withings": {
		config: func(cfg *oauth2grant.Config) {
			cfg.Params = url.Values{"action": {"requesttoken"}}
			cfg.Dialect.Answer = within("body")
		},
		edit: envelope("body", map[string]any{"status": 0}),
	},
}

// within returns a Dialect.Answer that reads a member of the answer.
func within(name string) func(string, int, []byte) []byte {
	return func(_ string, _ int, body []byte) []byte {
		var outer map[string]json.RawMessage
		if json.Unmarshal(body, &outer) == nil && outer[name] != nil {
			return outer[name]
		}
		return body
	}
}

// envelope returns an edit that puts the answer into a member.
func envelope(name string, beside map[string]any) func(map[string]any) {
	return func(answer map[string]any) {
		inner := map[string]any{}
		for key, value := range answer {
			inner[key] = value
			delete(answer, key)
		}
		for key, value := range beside {
			answer[key] = value
		}
		answer[name] = inner
	}
}

// TestProviders plays what providers depart in: a token, its renewal an hour
// later, and a session that has ended.
func TestProviders(t *testing.T) {
	for name, p := range played {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Break(granttest.Token, granttest.Fault{Edit: p.edit})
				_, refresh, _ := srv.Issue("client", "alice")
				cfg := oauth2grant.Config{
					Server:     oauth2grant.Server{TokenURL: srv.URL(granttest.Token)},
					Auth:       oauth2grant.SecretPost("client", "secret"),
					Token:      oauth2grant.Token{RefreshToken: refresh},
					HTTPClient: srv.HTTPClient(),
				}
				if p.config != nil {
					p.config(&cfg)
				}
				grant, err := oauth2grant.New(t.Context(), oauth2grant.RefreshOnly{}, cfg)
				if err != nil {
					t.Fatal(err)
				}
				defer grant.Close()
				first := p.token(t, grant)
				time.Sleep(time.Hour)
				if again := p.token(t, grant); again.AccessToken == first.AccessToken {
					t.Error("the token was not renewed within its hour")
				}
				if used := srv.ReuseDetected(); used != 0 {
					t.Errorf("a refresh token came twice: %d", used)
				}

				srv.Break(granttest.Token, refused(name))
				if _, err := grant.RefreshToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
					time.Sleep(2 * time.Hour) // what is unclear ends with the token
					if err = grant.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
						t.Errorf("after the session has ended: %v", err)
					}
				}
			})
		})
	}
}

// refused is how a provider answers a refresh token that is dead.
func refused(name string) granttest.Fault {
	switch name {
	case "GitHub", "Slack":
		code := map[string]string{"GitHub": "bad_refresh_token", "Slack": "invalid_refresh_token"}[name]
		return granttest.Error(http.StatusOK, code, "")
	}
	return granttest.Error(http.StatusBadRequest, "invalid_grant", "")
}

// token returns the grant's token, which must be what the provider's should be.
func (p provider) token(t *testing.T, grant *oauth2grant.Grant) oauth2grant.Token {
	t.Helper()
	header := http.Header{}
	if err := grant.PrepareRequest(t.Context(), header); err != nil {
		t.Fatal(err)
	}
	want := p.header
	if want == "" {
		want = "Bearer "
	}
	if got := header.Get("Authorization"); !strings.HasPrefix(got, want) {
		t.Errorf("Authorization begins otherwise than with %q", want)
	}
	token, err := grant.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(token.Expiry); !token.Expiry.IsZero() && (left <= 0 || left > time.Hour) {
		t.Errorf("the token is good for %v", left)
	}
	var member string
	if found, err := token.Extra(p.extra, &member); p.extra != "" && (!found || err != nil) {
		t.Errorf("the token lacks %s: %v", p.extra, err)
	}
	return token
}
