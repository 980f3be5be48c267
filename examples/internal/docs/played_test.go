package docs

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// provider is what one departs in, as its documentation has it.
type provider struct {
	config   func(cfg *oauth2grant.Config)
	edit     func(answer map[string]any) // of every answer
	lifetime time.Duration               // of an access token; zero: an hour
	keeps    bool                        // it does not rotate refresh tokens, and answers a refresh without one
	ends     time.Duration               // when a refresh token ends, where it says so
	header   string                      // what stands before the token; empty: Bearer
	extra    string                      // a member that Token.Extra must have, also after a refresh
	dead     granttest.Fault             // the answer to a refresh token that is dead
	says     string                      // its words
}

const day = 24 * time.Hour

// played are the departures in docs/providers.md that a server in memory can
// play.
var played = map[string]provider{
	"Google": {
		edit:  func(answer map[string]any) { answer["scope"] = "https://www.example.com/auth/drive openid" },
		keeps: true,
		dead:  granttest.Error(http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked."),
	},
	"Entra": {
		edit: func(answer map[string]any) {
			answer["ext_expires_in"], answer["client_info"] = answer["expires_in"], "eyJ9"
		},
		dead: says(http.StatusBadRequest, `{"error":"interaction_required","error_codes":[50076],`+
			`"error_description":"AADSTS50076: use multi-factor","suberror":"basic_action",`+
			`"timestamp":"2026-01-01 00:00:00Z","claims":"{\"access_token\":{\"capolids\":{}}}"}`),
		extra: "client_info",
	},
	"GitHub": {
		edit: func(answer map[string]any) {
			answer["refresh_token_expires_in"], answer["scope"], answer["token_type"] = "15811200", "", "bearer"
		},
		lifetime: 8 * time.Hour,
		ends:     183 * day,
		dead:     granttest.Error(http.StatusOK, "bad_refresh_token", "The refresh token is incorrect or expired."),
	},
	"GitLab": {
		edit:     func(answer map[string]any) { answer["created_at"] = time.Now().Unix() },
		lifetime: 2 * time.Hour,
		dead:     granttest.Error(http.StatusBadRequest, "invalid_grant", "The grant is invalid"),
	},
	"Slack": {
		config:   func(cfg *oauth2grant.Config) { cfg.Scheme, cfg.Dialect.Answer = "Bearer", within("authed_user") },
		edit:     envelope("authed_user", map[string]any{"ok": true, "token_type": "bot"}),
		lifetime: 12 * time.Hour,
		dead:     says(http.StatusOK, `{"ok":false,"error":"invalid_refresh_token"}`),
	},
	"Salesforce": {
		config: func(cfg *oauth2grant.Config) { cfg.Refresh.AssumedLifetime = time.Hour },
		edit: func(answer map[string]any) {
			delete(answer, "expires_in")
			answer["instance_url"], answer["issued_at"] = "https://eu1.example.com", "1278448101416"
		},
		keeps: true,
		extra: "instance_url",
		dead:  granttest.Error(http.StatusBadRequest, "invalid_grant", "expired access/refresh token"),
	},
	"Okta": {
		edit: func(answer map[string]any) { answer["scope"] = "offline_access openid" },
		dead: granttest.Error(http.StatusBadRequest, "invalid_grant", "The refresh token is invalid or expired."),
	},
	"Auth0": {
		edit:     func(answer map[string]any) { answer["scope"] = "openid offline_access" },
		lifetime: day,
		dead:     granttest.Error(http.StatusForbidden, "invalid_grant", "Unknown or invalid refresh token."),
	},
	"Keycloak": {
		edit: func(answer map[string]any) {
			answer["refresh_expires_in"], answer["not-before-policy"], answer["session_state"] = 0, 0, "abc"
		},
		extra: "session_state",
		dead:  granttest.Error(http.StatusBadRequest, "invalid_grant", "Token is not active"),
	},
	"Cognito": {
		keeps: true,
		dead:  granttest.Error(http.StatusBadRequest, "invalid_grant", ""),
	},
	"Box": {
		edit: func(answer map[string]any) { answer["token_type"], answer["restricted_to"] = "bearer", []any{} },
		dead: granttest.Error(http.StatusBadRequest, "invalid_grant", "Refresh token has expired"),
	},
	"Dropbox": {
		edit:     func(answer map[string]any) { answer["token_type"] = "bearer" },
		lifetime: 4 * time.Hour,
		keeps:    true,
		dead:     granttest.Error(http.StatusBadRequest, "invalid_grant", "refresh token is invalid or revoked"),
	},
	"Fitbit": {
		edit:     func(answer map[string]any) { answer["user_id"] = "26FWFL" },
		lifetime: 8 * time.Hour,
		extra:    "user_id",
		dead: says(http.StatusBadRequest,
			`{"errors":[{"errorType":"invalid_grant","message":"Refresh token invalid"}],"success":false}`),
	},
	"Strava": {
		edit:     func(answer map[string]any) { answer["expires_at"] = time.Now().Add(6 * time.Hour).Unix() },
		lifetime: 6 * time.Hour,
		dead: says(http.StatusBadRequest,
			`{"message":"Bad Request","errors":[{"resource":"RefreshToken","field":"code","code":"invalid"}]}`),
		says: "Bad Request",
	},
	"Withings": {
		config: func(cfg *oauth2grant.Config) {
			cfg.Params = url.Values{"action": {"requesttoken"}}
			cfg.Dialect.Answer = withings
		},
		edit:     envelope("body", map[string]any{"status": 0}),
		lifetime: 3 * time.Hour,
		dead:     says(http.StatusOK, `{"status":503,"body":{},"error":"Invalid Params: invalid refresh_token"}`),
		says:     "invalid refresh_token",
	},
	"Zoho": {
		config: func(cfg *oauth2grant.Config) { cfg.Scheme = "Zoho-oauthtoken" },
		edit: func(answer map[string]any) { // milliseconds, as one of its products has it
			answer["expires_in_sec"], answer["expires_in"] = 3600, 3600000
			answer["api_domain"] = "https://www.example.com"
		},
		keeps:  true,
		header: "Zoho-oauthtoken ",
		extra:  "api_domain",
		dead:   says(http.StatusOK, `{"error":"invalid_code"}`),
	},
	"TikTok": {
		config: func(cfg *oauth2grant.Config) {
			cfg.Dialect.Request = func(_ string, _ http.Header, form url.Values) {
				form["client_key"] = form["client_id"]
				form.Del("client_id")
			}
			cfg.HTTPClient = &http.Client{Transport: keyed{cfg.HTTPClient.Transport}}
		},
		edit: func(answer map[string]any) {
			answer["open_id"], answer["refresh_expires_in"] = "afd97af1", 31536000
			answer["scope"] = "user.info.basic,video.list"
		},
		lifetime: day,
		ends:     365 * day,
		extra:    "open_id",
		dead: says(http.StatusBadRequest,
			`{"error":"invalid_grant","error_description":"Refresh token is invalid or expired.","log_id":"20220613"}`),
	},
	"QuickBooks": {
		edit: func(answer map[string]any) {
			answer["x_refresh_token_expires_in"], answer["token_type"] = 8726400, "bearer"
		},
		ends: 101 * day,
		dead: granttest.Error(http.StatusBadRequest, "invalid_grant", "Incorrect or invalid refresh token"),
	},
	"Spotify": {
		keeps: true,
		dead:  granttest.Error(http.StatusBadRequest, "invalid_grant", "Refresh token revoked"),
	},
}

// says returns an answer in JSON.
func says(status int, body string) granttest.Fault {
	return granttest.Fault{Status: status, Body: body, Header: http.Header{"Content-Type": {"application/json"}}}
}

// withings is the Dialect.Answer of docs/providers.md.
func withings(_ string, _ int, body []byte) []byte {
	var answer struct {
		Status int             `json:"status"`
		Error  string          `json:"error"`
		Body   json.RawMessage `json:"body"`
	}
	switch {
	case json.Unmarshal(body, &answer) != nil:
		return body
	case answer.Status == 0:
		return answer.Body
	}
	refusal, _ := json.Marshal(map[string]string{"error": "invalid_request", "error_description": answer.Error})
	return refusal
}

// keyed is a server that wants client_key and takes no client_id: what stands
// behind it knows the latter only.
type keyed struct{ base http.RoundTripper }

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	if !r.PostForm.Has("client_key") || r.PostForm.Has("client_id") {
		return nil, http.ErrNotSupported
	}
	form := url.Values{"client_id": r.PostForm["client_key"]}
	for name, values := range r.PostForm {
		if name != "client_key" {
			form[name] = values
		}
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	again.Header = r.Header
	return k.base.RoundTrip(again)
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
