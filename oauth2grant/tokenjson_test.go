package oauth2grant

import (
	"encoding/json"
	"testing"
	"time"
)

func TestToken_ReadsWhatOthersStore(t *testing.T) {
	at := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	for name, c := range map[string]struct {
		document string
		want     Token
	}{
		"golang.org/x/oauth2": {
			`{"access_token":"A","token_type":"Bearer","refresh_token":"R","expiry":"2020-02-03T05:05:06+01:00",` +
				`"expires_in":3600}`,
			Token{AccessToken: "A", TokenType: "Bearer", RefreshToken: "R", Expiry: at, lifetime: time.Hour},
		},
		"golang.org/x/oauth2, without an end": {
			`{"access_token":"A","token_type":"Bearer","expiry":"0001-01-01T00:00:00Z"}`,
			Token{AccessToken: "A", TokenType: "Bearer"},
		},
		"aiohttp-oauth2-client": {
			`{"access_token":"A","token_type":"Bearer","expires_in":3600,"refresh_token":"R","expires_at":1580702706}`,
			Token{AccessToken: "A", TokenType: "Bearer", RefreshToken: "R", Expiry: at, lifetime: time.Hour},
		},
		"Authlib": {
			`{"access_token":"A","expires_in":"3600","expires_at":1580702706,"scope":"a b"}`,
			Token{AccessToken: "A", Scope: "a b", Expiry: at, lifetime: time.Hour},
		},
		"httpx-oauth": {
			`{"access_token":"A","refresh_token":"R","expires_at":1580702706}`, Token{
				AccessToken: "A", RefreshToken: "R", Expiry: at,
			},
		},
		"requests-oauthlib": {
			`{"access_token":"A","scope":["a","b"],"expires_in":3600,"expires_at":1580702706.5}`,
			Token{AccessToken: "A", Scope: "a b", Expiry: at.Add(time.Second / 2), lifetime: time.Hour},
		},
		"MSAL, an answer": {
			`{"access_token":"A","token_type":"Bearer","expires_in":3600,"expires_on":"1580702706",` +
				`"ext_expires_in":7200}`,
			Token{
				AccessToken: "A", TokenType: "Bearer", Expiry: at, lifetime: time.Hour,
				extra: `{"ext_expires_in":7200}`,
			},
		},
		"MSAL, its cache": {
			`{"AccessToken":{"k":{"secret":"A","token_type":"Bearer","target":"a b","expires_on":"1580702706"}},` +
				`"RefreshToken":{"k":{"secret":"R"}},"Account":{}}`,
			Token{AccessToken: "A", TokenType: "Bearer", RefreshToken: "R", Scope: "a b", Expiry: at},
		},
		"the Azure CLI": {
			`{"accessToken":"A","tokenType":"Bearer","expiresOn":"2020-02-03 04:05:06.000000","expires_on":1580702706}`,
			Token{AccessToken: "A", TokenType: "Bearer", Expiry: at},
		},
		"AWS SSO": {
			`{"accessToken":"A","refreshToken":"R","expiresAt":"2020-02-03T04:05:06Z","region":"x"}`,
			Token{AccessToken: "A", RefreshToken: "R", Expiry: at, extra: `{"region":"x"}`},
		},
		"AWS SSO, long ago": {
			`{"accessToken":"A","expiresAt":"2020-02-03T04:05:06UTC"}`, Token{AccessToken: "A", Expiry: at},
		},
		"gcloud": {
			`{"credential":{"access_token":"A","id_token":"I","token_expiry":"2020-02-03T04:05:06Z"}}`,
			Token{AccessToken: "A", IDToken: "I", Expiry: at},
		},
		"Google's libraries": {
			`{"token":"A","refresh_token":"R","scopes":["a","b"],"expiry":"2020-02-03T04:05:06.000000Z"}`,
			Token{AccessToken: "A", RefreshToken: "R", Scope: "a b", Expiry: at},
		},
		"AWS' instances": {`{"token":"A","expiration":"2020-02-03T04:05:06Z"}`, Token{AccessToken: "A", Expiry: at}},
		"milliseconds":   {`{"access_token":"A","expires_at":1580702706000}`, Token{AccessToken: "A", Expiry: at}},
		"a raw answer": {
			`{"access_token":"A","expires_in":3600}`, Token{AccessToken: "A", Expiry: longAgo, lifetime: time.Hour},
		},
		"a raw answer with text": {
			`{"access_token":"A","expires_in":"3600"}`, Token{AccessToken: "A", Expiry: longAgo, lifetime: time.Hour},
		},
		"a raw answer with its time": {
			`{"access_token":"A","expires_in":3600,"created_at":1580699106}`,
			Token{AccessToken: "A", Expiry: at, lifetime: time.Hour, extra: `{"created_at":1580699106}`},
		},
		"no lifetime":                 {`{"access_token":"A"}`, Token{AccessToken: "A"}},
		"a lifetime of zero":          {`{"access_token":"A","expires_in":0}`, Token{AccessToken: "A"}},
		"a lifetime below zero":       {`{"access_token":"A","expires_in":-1}`, Token{AccessToken: "A"}},
		"a lifetime beyond ten years": {`{"access_token":"A","expires_in":315360001}`, Token{AccessToken: "A"}},
		"an end of zero":              {`{"access_token":"A","expires_at":0}`, Token{AccessToken: "A"}},
		"an end of null": {
			`{"access_token":"A","expires_at":null,"expiry":null}`, Token{AccessToken: "A"},
		},
		"an end that is empty": {`{"access_token":"A","expires_at":""}`, Token{AccessToken: "A"}},
		"an end that can't be read": {
			`{"access_token":"A","expires_at":"soon"}`, Token{AccessToken: "A", Expiry: longAgo},
		},
		"an end after all time": {
			`{"access_token":"A","expiry":"9999-12-31T23:59:59-01:00"}`, Token{AccessToken: "A"},
		},
		"a byte order mark": {"\xef\xbb\xbf" + `{"access_token":"A"}`, Token{AccessToken: "A"}},
		"a refresh token alone": {
			`{"refresh_token":"R","type":"authorized_user"}`, Token{
				RefreshToken: "R", extra: `{"type":"authorized_user"}`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got Token
			if err := got.UnmarshalJSON([]byte(c.document)); err != nil || got != c.want {
				t.Fatalf("got %+v of %s, %v", inClear(t, got), got.Expiry, err)
			}
			if again := inClear(t, got); again != inClear(t, c.want) {
				t.Errorf("got %s", again)
			}
			var again Token
			if err := json.Unmarshal([]byte(inClear(t, got)), &again); err != nil || again != got {
				t.Errorf("differs after JSON: %s, %v", inClear(t, again), err)
			}
		})
	}
}

func inClear(t *testing.T, token Token) string {
	t.Helper()
	text, err := json.Marshal(token)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestToken_InheritsWhatARefreshLeavesOut(t *testing.T) {
	end := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	old := Token{
		AccessToken: "A1", TokenType: "Bearer", RefreshToken: "R1", IDToken: "I1", Scope: "a b", Expiry: end,
		lifetime: time.Hour, refreshAfter: time.Minute, refreshEnd: end,
		extra: `{"instance_url":"https://eu1.example","refresh_expires_in":60,"refresh_in":60,"created_at":1,` +
			`"team":{"id":"T"}}`,
	}.issued(end)
	kept := `{"instance_url":"https://eu1.example","team":{"id":"T"}}`
	for name, c := range map[string]struct{ answer, want Token }{
		"everything": {
			Token{AccessToken: "A2", TokenType: "Bearer"},
			Token{
				AccessToken: "A2", TokenType: "Bearer", RefreshToken: "R1", IDToken: "I1", Scope: "a b",
				refreshEnd: end, extra: kept,
			},
		},
		"the refresh token, which the Client has kept": {
			Token{AccessToken: "A2", RefreshToken: "R1"},
			Token{AccessToken: "A2", RefreshToken: "R1", IDToken: "I1", Scope: "a b", refreshEnd: end, extra: kept},
		},
		"all but another refresh token, whose end is unknown": {
			Token{AccessToken: "A2", RefreshToken: "R2"},
			Token{AccessToken: "A2", RefreshToken: "R2", IDToken: "I1", Scope: "a b", extra: kept},
		},
		"nothing": {
			Token{
				AccessToken: "A2", RefreshToken: "R1", IDToken: "I2", Scope: "a", refreshEnd: end.Add(1),
				extra: `{"team":1,"x":2}`,
			},
			Token{
				AccessToken: "A2", RefreshToken: "R1", IDToken: "I2", Scope: "a", refreshEnd: end.Add(1),
				extra: `{"instance_url":"https://eu1.example","team":1,"x":2}`,
			},
		},
		"the scope alone": {
			Token{AccessToken: "A2", RefreshToken: "R2", IDToken: "I2"},
			Token{AccessToken: "A2", RefreshToken: "R2", IDToken: "I2", Scope: "a b", extra: kept},
		},
		"the ID token alone": {
			Token{AccessToken: "A2", RefreshToken: "R2", Scope: "a"},
			Token{AccessToken: "A2", RefreshToken: "R2", IDToken: "I1", Scope: "a", extra: kept},
		},
		"a member, and has another in its place": {
			Token{AccessToken: "A2", extra: `{"api_domain":"https://eu.example"}`},
			Token{
				AccessToken: "A2", RefreshToken: "R1", IDToken: "I1", Scope: "a b", refreshEnd: end,
				extra: `{"api_domain":"https://eu.example","instance_url":"https://eu1.example","team":{"id":"T"}}`,
			},
		},
		"the end of the same refresh token, which is another now": {
			Token{AccessToken: "A2", RefreshToken: "R1", refreshEnd: end.Add(time.Hour)},
			Token{
				AccessToken: "A2", RefreshToken: "R1", IDToken: "I1", Scope: "a b", refreshEnd: end.Add(time.Hour),
				extra: kept,
			},
		},
		"a member that it sets to null": {
			Token{AccessToken: "A2", extra: `{"team":null}`},
			Token{
				AccessToken: "A2", RefreshToken: "R1", IDToken: "I1", Scope: "a b", refreshEnd: end,
				extra: `{"instance_url":"https://eu1.example","team":null}`,
			},
		},
		"its type, which is its own affair": {
			Token{AccessToken: "A2", TokenType: ""},
			Token{AccessToken: "A2", RefreshToken: "R1", IDToken: "I1", Scope: "a b", refreshEnd: end, extra: kept},
		},
		"what only the old answer was about": {
			Token{AccessToken: "A2", extra: `{"refresh_in":30}`, refreshAfter: 30 * time.Second},
			Token{
				AccessToken: "A2", RefreshToken: "R1", IDToken: "I1", Scope: "a b", refreshEnd: end,
				refreshAfter: 30 * time.Second,
				extra:        `{"instance_url":"https://eu1.example","refresh_in":30,"team":{"id":"T"}}`,
			},
		},
	} {
		if got := c.answer.inherit(old); got != c.want {
			t.Errorf("%s: got %s\nwant %s", name, inClear(t, got), inClear(t, c.want))
		}
	}
	if got := (Token{AccessToken: "A2"}).inherit(Token{}); got != (Token{AccessToken: "A2"}) {
		t.Errorf("of nothing: %s", inClear(t, got))
	}
	// A server that invents a member for each answer does not make a token grow
	// for ever.
	token := old
	for i := range 40 {
		name := "m" + string(rune('a'+i%26)) + string(rune('a'+i/26))
		token = Token{AccessToken: "A", extra: `{"` + name + `":"` + longText(64<<10) + `"}`}.inherit(token)
	}
	if len(token.extra) > mostInherited {
		t.Errorf("%d bytes", len(token.extra))
	}
}

func longText(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}

func TestToken_KnowsTheLifetimesThatTheServerNames(t *testing.T) {
	document := `{"access_token":"A","refresh_token":"R","expiry":"2030-01-02T03:04:05Z","expires_in":3600,` +
		`"refresh_in":1800,` +
		`"refresh_expires_in":7200,"refresh_expiry":"2030-01-02T04:04:05Z"}`
	var token Token
	if err := json.Unmarshal([]byte(document), &token); err != nil {
		t.Fatal(err)
	}
	if token.refreshIn() != 30*time.Minute || !token.refreshExpiry().Equal(token.Expiry.Add(time.Hour)) {
		t.Errorf("got %v %v", token.refreshIn(), token.refreshExpiry())
	}
	var again Token
	if err := json.Unmarshal([]byte(inClear(t, token)), &again); err != nil || again != token {
		t.Errorf("differs after JSON: %s", inClear(t, again))
	}
	var seconds int
	if found, err := token.Extra("refresh_in", &seconds); !found || err != nil || seconds != 1800 {
		t.Errorf("refresh_in: %v %v %d", found, err, seconds)
	}
}
