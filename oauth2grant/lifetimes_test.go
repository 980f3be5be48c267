package oauth2grant_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// The clock of a bubble starts at 2000-01-01T00:00:00Z, 946684800 s after 1970.

// saying returns a server all of whose token answers have members in place of
// expires_in.
func saying(t *testing.T, members string) *granttest.Server {
	t.Helper()
	var more map[string]any
	if err := json.Unmarshal([]byte("{"+members+"}"), &more); err != nil {
		t.Fatal(err)
	}
	srv := granttest.New(granttest.Config{})
	srv.Break(granttest.Token, granttest.Fault{Edit: func(answer map[string]any) {
		delete(answer, "expires_in")
		for name, value := range more {
			answer[name] = value
		}
	}})
	return srv
}

func TestToken_EndsWhenItsServerSays(t *testing.T) {
	for members, want := range map[string]struct{ access, refresh time.Duration }{
		`"expires_in":3600`:                         {time.Hour, 0},
		`"expires":3600`:                            {time.Hour, 0},
		`"expires_at":946688400`:                    {time.Hour, 0},
		`"expires_at":"946688400"`:                  {time.Hour, 0},
		`"expires_at":946688400000`:                 {time.Hour, 0},
		`"expires_on":"946688400"`:                  {time.Hour, 0},
		`"expires_at":"2000-01-01T01:00:00Z"`:       {time.Hour, 0},
		`"expiresAt":"2000-01-01T02:00:00.5+01:00"`: {time.Hour, 0},
		`"expiration":"2000-01-01 01:00:00"`:        {time.Hour, 0},
		`"expires_in":60,"expires_at":946688400`:    {time.Minute, 0},
		`"expires_in":0,"expires_at":946688400`:     {time.Hour, 0},
		`"expires_at":946681200`:                    {time.Minute, 0}, // an hour ago
		`"expires_at":946684800`:                    {time.Minute, 0}, // now
		`"expires_at":0`:                            {0, 0},
		`"expires_at":"0001-01-01T00:00:00Z"`:       {0, 0},
		`"expires_at":4102444800`:                   {0, 0}, // in a hundred years
		`"expires_at":"soon"`:                       {0, 0},
		``:                                          {0, 0},

		`"expires_in":3600,"refresh_expires_in":1800`:                              {time.Hour, 30 * time.Minute},
		`"expires_in":3600,"refresh_expires_in":"1800"`:                            {time.Hour, 30 * time.Minute},
		`"expires_in":3600,"refresh_expires_in":1800.5`:                            {time.Hour, 30 * time.Minute},
		`"expires_in":3600,"refresh_token_expires_in":15811200`:                    {time.Hour, 183 * 24 * time.Hour},
		`"expires_in":3600,"x_refresh_token_expires_in":8640000`:                   {time.Hour, 100 * 24 * time.Hour},
		`"expires_in":3600,"refresh_token_timeout":86400`:                          {time.Hour, 24 * time.Hour},
		`"expires_in":3600,"authorization_expires_in":86400`:                       {time.Hour, 24 * time.Hour},
		`"expires_in":3600,"refresh_expires_in":0`:                                 {time.Hour, 0},
		`"expires_in":3600,"refresh_expires_in":-1`:                                {time.Hour, 0},
		`"expires_in":3600,"refresh_expires_in":null`:                              {time.Hour, 0},
		`"expires_in":3600,"refresh_expires_in":"never"`:                           {time.Hour, 0},
		`"expires_in":3600,"refresh_expires_in":315360001`:                         {time.Hour, 0}, // ten years
		`"expires_in":3600,"refresh_expires_in":0,"refresh_token_expires_in":1800`: {time.Hour, 30 * time.Minute},
		`"refresh_expires_in":1800`:                                                {0, 30 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := open(t, alice(), configFor(saying(t, members)))
			start := time.Now()
			token := tokenOf(t, g)
			from := func(at time.Time) time.Duration {
				if at.IsZero() {
					return 0
				}
				return at.Sub(start)
			}
			s := g.Status()
			if from(token.Expiry) != want.access || from(s.RefreshExpiry) != want.refresh {
				t.Errorf("%s: ends after %v, and the refresh token after %v",
					members, from(token.Expiry), from(s.RefreshExpiry))
			}
			if end := s.RefreshExpiry; !end.IsZero() && !s.NextRefresh.Before(end) {
				t.Errorf("%s: renewed after %v", members, from(s.NextRefresh))
			}
		})
	}
}

func TestToken_EndsByTheClockOfItsServer(t *testing.T) {
	for name, c := range map[string]struct {
		date, expires time.Duration // from now; no date where it is zero
		want          time.Duration
	}{
		"one that is right":             {time.Second, time.Hour + time.Second, time.Hour},
		"one that is behind":            {-2 * time.Hour, -time.Hour, time.Hour},
		"one that is ahead":             {24 * time.Hour, 25 * time.Hour, time.Hour},
		"one that nobody tells":         {0, time.Hour, time.Hour},
		"one by which it has ended":     {24 * time.Hour, 23 * time.Hour, time.Minute},
		"one by which it lives forever": {-24 * time.Hour, 20 * 365 * 24 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				start := time.Now()
				fault := granttest.Fault{Edit: func(a map[string]any) {
					delete(a, "expires_in")
					a["expires_at"] = start.Add(c.expires).Unix()
				}}
				if c.date != 0 {
					fault.Header = http.Header{"Date": {start.Add(c.date).UTC().Format(http.TimeFormat)}}
				}
				srv.Break(granttest.Token, fault)
				var life time.Duration
				if end := tokenOf(t, open(t, alice(), configFor(srv))).Expiry; !end.IsZero() {
					life = end.Sub(start)
				}
				if life != c.want {
					t.Errorf("lives for %v, want %v", life, c.want)
				}
			})
		})
	}
}

// A server all of whose tokens seem to have ended is asked twice a minute at
// most.
func TestToken_ThatHasEndedIsRenewedWithoutHaste(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := saying(t, `"expires_at":946681200`)
		g := open(t, alice(), configFor(srv))
		for range 100 {
			ensure(t, g)
			pass(6 * time.Second)
		}
		if n := srv.Count(granttest.Token); n < 10 || n > 20 {
			t.Errorf("%d token requests in 10 min", n)
		}
	})
}

func TestRefresh_AssumedLifetime(t *testing.T) {
	for members, named := range map[string]bool{
		``:                            false,
		`"expires_in":null`:           false,
		`"expires_in":0`:              false,
		`"expires_in":"0"`:            false,
		`"expires_in":-1`:             false,
		`"expires_in":""`:             false,
		`"expires_in":"never"`:        false,
		`"expires_in":{}`:             false,
		`"expires_in":315360001`:      false,
		`"expires_at":0`:              false,
		`"issued_at":"946684800000"`:  false,
		`"created_at":946684800`:      false,
		`"expires_in":1800`:           true,
		`"expires_in":"1800"`:         true,
		`"expires_at":946686600`:      true,
		`"expires":1800`:              true,
		`"expires_in":1800,"scope":1`: true,
	} {
		synctest.Test(t, func(t *testing.T) {
			srv := saying(t, members)
			cfg := configFor(srv)
			cfg.Refresh.AssumedLifetime, cfg.Refresh.Jitter = 3*time.Hour, -1
			g := open(t, alice(), cfg)
			// Nobody sees a 401: the header is put onto requests elsewhere.
			prepare := func() {
				start := time.Now()
				if err := g.PrepareRequest(t.Context(), http.Header{}); err != nil || time.Since(start) > 0 {
					t.Errorf("%s: waited %v, %v", members, time.Since(start), err)
				}
			}
			prepare()
			lead := 20 * time.Minute // before the end of what is assumed
			after := 3*time.Hour - lead
			if named {
				after = 20 * time.Minute // two thirds of what the server says
			}
			pass(after - time.Second)
			if n := srv.Count(granttest.Token); n != 1 {
				t.Errorf("%s: %d token requests before it is due", members, n)
			}
			pass(2 * time.Second)
			if n := srv.Count(granttest.Token); n != 2 {
				t.Errorf("%s: %d token requests once it is due", members, n)
			}
			prepare()
		})
	}
}
