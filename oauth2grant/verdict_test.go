package oauth2grant_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// obituaries are the ways in which servers say that a refresh token is dead, or
// leave it to be guessed.
var obituaries = map[string]struct {
	status int
	body   string
	clear  bool // there is no doubt: it is not sent again
}{
	"RFC 6749":                {400, `{"error":"invalid_grant"}`, true},
	"in a form":               {400, `error=invalid_grant&error_description=gone`, true},
	"after a byte order mark": {400, "\xef\xbb\xbf" + `{"error":"invalid_grant"}`, true},
	"with 403": {
		403, `{"error":"invalid_grant","error_description":"Unknown or invalid refresh token."}`, true,
	},
	"in a 200": {
		200, `{"error":"invalid_grant","error_description":"invalid or expired","log_id":"2"}`, true,
	},
	"Google": {
		400, `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`, true,
	},
	"Entra":                {400, `{"error":"invalid_grant","error_codes":[700082],"suberror":"bad_token"}`, true},
	"Entra, by policy":     {400, `{"error":"interaction_required","claims":"{\"access_token\":{}}"}`, true},
	"consent withdrawn":    {400, `{"error":"consent_required"}`, true},
	"a session that ended": {400, `{"error":"login_required"}`, true},
	"a second factor":      {400, `{"error":"mfa_required","mfa_token":"x"}`, true},
	"GitHub":               {200, `{"error":"bad_refresh_token","error_uri":"https://docs.example/x"}`, true},
	"GitHub, in a form":    {200, `error=bad_refresh_token&error_description=incorrect+or+expired`, true},
	"Slack":                {200, `{"ok":false,"error":"invalid_refresh_token"}`, true},
	"Slack, expired":       {200, `{"ok":false,"error":"token_expired"}`, true},
	"Fitbit": {
		400, `{"errors":[{"errorType":"invalid_grant","message":"used"}],"success":false}`, true,
	},
	"Fitbit, another word": {
		401, `{"errors":[{"errorType":"invalid_token","message":"invalid"}],"success":false}`, true,
	},
	"Zoho":                   {200, `{"error":"invalid_code"}`, true},
	"inactive":               {400, `{"error":"token_inactive","error_description":"it was used"}`, true},
	"RFC 6750's word":        {401, `{"error":"invalid_token"}`, true},
	"the word of RFC 8628":   {400, `{"error":"expired_token"}`, true},
	"in capitals":            {400, `{"error":"INVALID_GRANT"}`, true},
	"invalid_request":        {400, `{"error":"invalid_request","error_description":"no such refresh token"}`, false},
	"unauthorized_client":    {400, `{"error":"unauthorized_client"}`, false},
	"unsupported_grant_type": {400, `{"error":"unsupported_grant_type"}`, false},
	"invalid_scope for ever": {400, `{"error":"invalid_scope"}`, false},
	"Strava": {
		400, `{"message":"Bad Request","errors":[{"field":"refresh_token","code":"invalid"}]}`, false,
	},
	"Facebook": {400, `{"error":{"message":"validating","type":"OAuthException","code":190}}`, false},
	"Cognito": {
		400, `{"__type":"NotAuthorizedException","message":"Refresh Token has expired"}`, false,
	},
	"Salesforce, a list":       {401, `[{"message":"expired","errorCode":"INVALID_SESSION_ID"}]`, false},
	"words":                    {400, `{"message":"the refresh token is gone"}`, false},
	"prose in place of a code": {200, `{"error":"Something went wrong"}`, false},
	"a code that nobody knows": {422, `{"error":"E-4711"}`, false},
	"an empty 400":             {400, ``, false},
	"an empty 401":             {401, ``, false},
}

// graveyard is a server at which every refresh token is dead as soon as it has
// been issued. It says so as one of the obituaries does.
type graveyard struct {
	*granttest.Server
	status int
	body   string

	mu   sync.Mutex
	sent []time.Time // when a refresh was asked for; mu guards it
}

func (y *graveyard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		if form.Get("grant_type") == "refresh_token" {
			y.mu.Lock()
			defer y.mu.Unlock()
			y.sent = append(y.sent, time.Now())
			return says(y.status, y.body)
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(strings.NewReader(string(body)))
	}
	return y.Transport().RoundTrip(r)
}

// checkBackOff holds the refreshes of a day with so many tokens to what the
// back-off allows. One that is dead without a doubt is sent once; about another
// the server is asked while its access token is good, and then ever more
// seldom.
func (y *graveyard) checkBackOff(t *testing.T, clear bool, tokens int) {
	t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	most := tokens
	if !clear {
		const (
			lead   = int(25 * time.Minute / (maxBackOff / 2)) // by the mean of the longest waits
			seldom = int(24 * time.Hour / (5 * time.Minute))
		)
		most = tokens*(lead+10) + seldom
	}
	if len(y.sent) > most {
		t.Errorf("%d refreshes in a day, want at most %d", len(y.sent), most)
	}
	soon := 0
	for i := 1; i < len(y.sent); i++ {
		if y.sent[i].Sub(y.sent[i-1]) < minBackOff {
			soon++
		}
	}
	if soon > tokens { // the end of a token ends what is remembered
		t.Errorf("%d refreshes came before the back-off was over", soon)
	}
}

// mostTokens is how many tokens of an hour a day takes, each renewed after 35
// minutes at the earliest.
const mostTokens = 24*60/35 + 1

// aDay makes one call a minute.
func aDay(call func()) {
	for range 24 * 60 {
		call()
		time.Sleep(time.Minute)
	}
}

func TestVerdict_ADeadRefreshTokenInEverySpelling(t *testing.T) {
	for name, o := range obituaries {
		bury := func(t *testing.T) (*graveyard, oauth2grant.Config) {
			y := &graveyard{Server: granttest.New(granttest.Config{}), status: o.status, body: o.body}
			cfg := configFor(y.Server)
			cfg.HTTPClient = &http.Client{Transport: y}
			access, refresh, life := y.Issue("client", "alice")
			cfg.Token = oauth2grant.Token{AccessToken: access, RefreshToken: refresh, Expiry: time.Now().Add(life)}
			return y, cfg
		}
		t.Run(name+", nobody needed", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y, cfg := bury(t)
				g := open(t, alice(), cfg)
				lost := 0
				aDay(func() {
					if err := g.EnsureActiveToken(t.Context()); err != nil {
						lost++
						t.Logf("lost to %v", err)
					}
				})
				if lost > 1 {
					t.Errorf("%d calls were lost", lost)
				}
				y.checkBackOff(t, o.clear, mostTokens)
			})
		})
		t.Run(name+", nobody there", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y, cfg := bury(t)
				g := open(t, oauth2grant.RefreshOnly{}, cfg)
				end := cfg.Token.Expiry
				aDay(func() {
					err := g.EnsureActiveToken(t.Context())
					known := err == nil || errors.Is(err, oauth2grant.ErrLoginRequired)
					if time.Now().Before(end) != (err == nil) || !known {
						t.Errorf("%v before the end of the token: %v", time.Until(end), err)
					}
				})
				y.checkBackOff(t, o.clear, 1)
			})
		})
		t.Run(name+", somebody there", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y, cfg := bury(t)
				p := &person{srv: y.Server}
				g := open(t, p, cfg)
				end, signedIn := cfg.Token.Expiry, false
				aDay(func() {
					before := p.tabs.Load()
					if err := g.EnsureActiveToken(t.Context()); err != nil {
						t.Errorf("got %v", err)
					}
					tabs := p.tabs.Load() - before
					if first := !signedIn && !time.Now().Before(end); tabs > 0 != first && !signedIn {
						t.Errorf("%v before the end of the token, %d tabs", time.Until(end), tabs)
					}
					signedIn = signedIn || tabs > 0
				})
				if n := p.tabs.Load(); n > 24 {
					t.Errorf("%d tabs in a day of tokens of an hour", n)
				}
				y.checkBackOff(t, o.clear, mostTokens)
			})
		})
	}
}
