package oauth2grant_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// storedTokens are tokens as they may be in a store, of this library and of
// eight others: good by what is said of them, but the API knows no A. R stands
// for a refresh token that is good.
var storedTokens = map[string]string{
	"this library, long ago": `{"access_token":"A","refresh_token":"R","expiry":"2000-01-01T01:00:00Z",` +
		`"expires_in":7200,"oauth2grant":{"v":1,"obtained":946681200000}}`,
	"this library, a minute ago": `{"access_token":"A","refresh_token":"R","expiry":"2000-01-01T01:00:00Z",` +
		`"expires_in":3600,"oauth2grant":{"v":1,"obtained":946684740000}}`,
	"this library, by a clock that is ahead": `{"access_token":"A","refresh_token":"R",` +
		`"expiry":"2000-01-01T03:00:00Z","expires_in":3600,"oauth2grant":{"v":1,"obtained":946692000000}}`,
	"no end": `{"access_token":"A","refresh_token":"R"}`,
	"no word of when it began": `{"access_token":"A","refresh_token":"R","expiry":"2000-01-01T01:00:00Z",` +
		`"expires_in":3600}`,
	"golang.org/x/oauth2":   `{"access_token":"A","refresh_token":"R","expiry":"2000-01-01T02:00:00+01:00"}`,
	"aiohttp-oauth2-client": `{"access_token":"A","expires_in":3600,"refresh_token":"R","expires_at":946688400}`,
	"Authlib":               `{"access_token":"A","refresh_token":"R","expires_in":"3600","expires_at":946688400}`,
	"httpx-oauth":           `{"access_token":"A","refresh_token":"R","expires_at":946688400}`,
	"requests-oauthlib":     `{"access_token":"A","refresh_token":"R","scope":["read"],"expires_at":946688400.5}`,
	"MSAL": `{"AccessToken":{"k":{"secret":"A","token_type":"Bearer","target":"read","expires_on":"946688400"}},` +
		`"RefreshToken":{"k":{"secret":"R"}},"Account":{}}`,
	"AWS SSO": `{"accessToken":"A","refreshToken":"R","expiresAt":"2000-01-01T01:00:00Z","region":"x"}`,
	"gcloud":  `{"credential":{"access_token":"A","refresh_token":"R","token_expiry":"2000-01-01T01:00:00Z"}}`,
}

// process is a run of one second: it reads the token, calls the API and ends.
func (w world) process(flow oauth2grant.Flow) error {
	g, err := oauth2grant.New(w.Context(), flow, w.config())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(w.Context(), http.MethodGet, api, nil)
	if err != nil {
		return err
	}
	res, err := g.Transport(w.srv.Transport()).RoundTrip(req)
	if err == nil {
		err = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			err = errors.New(res.Status)
		}
	}
	time.Sleep(time.Second)
	return errors.Join(err, g.Close())
}

// store puts a stored token into the store, with a refresh token that is good.
func (w world) store(document string) {
	w.Helper()
	_, refresh, _ := w.srv.Issue("client", "alice", "read")
	var token oauth2grant.Token
	if err := json.Unmarshal([]byte(strings.Replace(document, `"R"`, `"`+refresh+`"`, 1)), &token); err != nil {
		w.Fatal(err)
	}
	w.b.set(func() { w.b.token, w.b.full = token, true })
}

func TestTransport_RecoversFromAStoredTokenThatWasRevoked(t *testing.T) {
	for name, document := range storedTokens {
		t.Run(name, func(t *testing.T) {
			inWorld(t, granttest.Config{}, func(w world) {
				for range 3 {
					w.store(document)
					if err := w.process(oauth2grant.RefreshOnly{}); err != nil {
						t.Error(err)
					}
				}
			})
		})
		t.Run(name+", three at once", func(t *testing.T) {
			inWorld(t, granttest.Config{}, func(w world) {
				w.store(document)
				atOnce(3, func(int) {
					if err := w.process(oauth2grant.RefreshOnly{}); err != nil {
						t.Error(err)
					}
				})
				if n := w.srv.Count(granttest.Token); n != 1 {
					t.Errorf("%d token requests", n)
				}
			})
		})
		t.Run(name+", expired", func(t *testing.T) {
			inWorld(t, granttest.Config{}, func(w world) {
				time.Sleep(24 * time.Hour)
				w.store(document)
				if err := w.process(oauth2grant.RefreshOnly{}); err != nil {
					t.Error(err)
				}
				if n := w.srv.Count(granttest.Resource); n != 1 && name != "no end" {
					t.Errorf("it was shown to the API: %d requests", n)
				}
			})
		})
	}
}

// Without a refresh token the flow is run.
func TestTransport_RecoversFromAStoredTokenWithoutARefreshToken(t *testing.T) {
	for name, document := range storedTokens {
		t.Run(name, func(t *testing.T) {
			inWorld(t, granttest.Config{}, func(w world) {
				for range 3 {
					w.store(document)
					w.b.set(func() { w.b.token.RefreshToken = "" })
					if err := w.process(oauth2grant.ClientCredentials{}); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestTransport_RecoversInEachOfThreeRuns(t *testing.T) {
	inWorld(t, granttest.Config{}, func(w world) {
		w.seed()
		for range 3 {
			time.Sleep(time.Minute)
			w.b.set(func() { w.b.token.AccessToken = "revoked" })
			if err := w.process(oauth2grant.RefreshOnly{}); err != nil {
				t.Error(err)
			}
		}
		if n := w.srv.Count(granttest.Token); n != 3 {
			t.Errorf("%d token requests", n)
		}
	})
}
