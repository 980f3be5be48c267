package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func deviceConfig(srv *granttest.Server) oauth2grant.Config {
	return oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: srv.Issuer()}, Auth: oauth2grant.Public("native"),
		HTTPClient: srv.HTTPClient(), Scopes: []string{"read"},
	}
}

// polls returns the seconds after the start at which the token endpoint was
// asked.
func polls(srv *granttest.Server, start time.Time) []int {
	var at []int
	for _, r := range srv.Requests(granttest.Token) {
		at = append(at, int(r.Time.Sub(start).Round(time.Second)/time.Second))
	}
	return at
}

func TestDeviceCode_KeepsTheScheduleOfTheServer(t *testing.T) {
	pending := granttest.Error(http.StatusBadRequest, "authorization_pending", "")
	slowDown := granttest.Error(http.StatusBadRequest, "slow_down", "")
	larger := slowDown
	larger.Body = `{"error":"slow_down","interval":30}`
	endless := slowDown
	endless.Body = `{"error":"slow_down","interval":300000000}`
	edge := func(status int) granttest.Fault { return granttest.Fault{Status: status, Body: "Forbidden"} }
	for _, c := range []struct {
		name     string
		interval time.Duration
		script   []granttest.Fault
		want     []int
	}{
		{"the first poll comes after one interval", 5 * time.Second, nil, []int{5}},
		{"pending keeps the interval", 7 * time.Second, []granttest.Fault{pending, pending}, []int{7, 14, 21}},
		{
			"slow_down adds 5 s for good", 5 * time.Second,
			[]granttest.Fault{slowDown, pending, pending},
			[]int{5, 15, 25, 35},
		},
		{
			"slow_down takes the server's larger interval", 5 * time.Second,
			[]granttest.Fault{larger, pending},
			[]int{5, 35, 65},
		},
		{
			"a busy server and a cut connection double the wait until there is an answer", 5 * time.Second,
			[]granttest.Fault{
				pending, slowDown, granttest.Error(http.StatusServiceUnavailable, "", ""),
				{Cut: granttest.CutBefore},
				pending,
			},
			[]int{5, 10, 20, 40, 80, 90},
		},
		{
			"Retry-After is kept", 5 * time.Second,
			[]granttest.Fault{granttest.RetryAfter(http.StatusTooManyRequests, time.Minute)},
			[]int{5, 65},
		},
		{
			"403 in plain text is what stands before the server", 5 * time.Second,
			[]granttest.Fault{pending, edge(http.StatusForbidden), pending},
			[]int{5, 10, 20, 25},
		},
		{
			"so are a page with 404, and one with 405", 5 * time.Second, []granttest.Fault{
				granttest.HTML(http.StatusNotFound), granttest.HTML(http.StatusMethodNotAllowed),
			}, []int{5, 15, 35},
		},
		{
			"a page with 200 is no answer", 5 * time.Second,
			[]granttest.Fault{granttest.HTML(http.StatusOK)},
			[]int{5, 15},
		},
		{"slow_down of ten years is none", 5 * time.Second, []granttest.Fault{endless}, []int{5, 305}},
		{"an interval in milliseconds is none", 5000 * time.Second, nil, []int{300}},
		{
			"HTML with 502 is no answer", 5 * time.Second,
			[]granttest.Fault{granttest.HTML(http.StatusBadGateway)},
			[]int{5, 15},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{DeviceInterval: c.interval})
				srv.Script(granttest.Token, c.script...)
				flow := oauth2grant.DeviceCode{Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error {
					return srv.ApproveDevice(p.UserCode, "alice")
				}}
				g := newGrant(t, flow, deviceConfig(srv))
				start := time.Now()
				if err := g.EnsureActiveToken(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := polls(srv, start); !slices.Equal(got, c.want) {
					t.Errorf("polls after %v s, want %v", got, c.want)
				}
			})
		})
	}
}

// What stands before the server, and a server that is busy, end no sign-in.
func TestDeviceCode_GoesOnAfterWhatIsNoAnswer(t *testing.T) {
	text := func(status int, body string) granttest.Fault { return granttest.Fault{Status: status, Body: body} }
	for name, fault := range map[string]granttest.Fault{
		"403 in plain text":           text(403, "error code: 1020"),
		"403 in HTML":                 granttest.HTML(403),
		"403 in JSON":                 text(403, `{"message":"Forbidden"}`),
		"403 and nothing":             text(403, ""),
		"404 in HTML":                 granttest.HTML(404),
		"405 in HTML":                 granttest.HTML(405),
		"406 in plain text":           text(406, "Not Acceptable"),
		"200 in HTML":                 granttest.HTML(200),
		"200 and nothing":             text(200, " "),
		"200 with half an object":     text(200, `{"access_token":`),
		"408":                         text(408, ""),
		"425":                         text(425, ""),
		"429":                         text(429, "slow down"),
		"500 with a code":             granttest.Error(500, "server_error", ""),
		"502 in HTML":                 granttest.HTML(502),
		"503 with a code that is not": granttest.Error(503, "invalid_client", ""),
		"504":                         text(504, ""),
		"temporarily_unavailable":     granttest.Error(400, "temporarily_unavailable", ""),
		"a cut before the answer":     {Cut: granttest.CutBefore},
		"a cut within the answer":     {Cut: granttest.CutWithin, Status: 403, Body: "Forbidden"},
		"an answer that is too large": {Status: 403, Size: 2 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Script(granttest.Token, fault, fault)
				approve := func(_ context.Context, p oauth2grant.DevicePrompt) error {
					return srv.ApproveDevice(p.UserCode, "alice")
				}
				g := newGrant(t, oauth2grant.DeviceCode{Prompt: approve}, deviceConfig(srv))
				start := time.Now()
				ensure(t, g)
				if waited := time.Since(start); waited > time.Minute || srv.Count(granttest.Token) != 3 {
					t.Errorf("%d polls in %v", srv.Count(granttest.Token), waited)
				}
			})
		})
	}
}

func TestDeviceCode_EndsWithTheReason(t *testing.T) {
	waits := func(*granttest.Server, oauth2grant.DevicePrompt) error { return nil }
	for _, c := range []struct {
		name   string
		prompt func(*granttest.Server, oauth2grant.DevicePrompt) error
		script []granttest.Fault
		want   error
	}{
		{
			"the person refuses", func(s *granttest.Server, p oauth2grant.DevicePrompt) error {
				return s.DenyDevice(p.UserCode)
			}, nil, oauth2grant.AccessDenied,
		},
		{
			"nobody comes until the code expires", func(*granttest.Server, oauth2grant.DevicePrompt) error {
				return nil
			}, nil, oauth2grant.ErrAuthorizationTimeout,
		},
		{
			"the server says that it has expired", func(*granttest.Server, oauth2grant.DevicePrompt) error {
				return nil
			},
			[]granttest.Fault{granttest.Error(http.StatusBadRequest, "expired_token", "")},
			oauth2grant.ErrAuthorizationTimeout,
		},
		{
			"the person refuses, as some servers say it", func(*granttest.Server, oauth2grant.DevicePrompt) error {
				return nil
			},
			[]granttest.Fault{granttest.Error(http.StatusBadRequest, "authorization_declined", "no")},
			oauth2grant.AccessDenied,
		},
		{
			"the server knows no such code", func(*granttest.Server, oauth2grant.DevicePrompt) error { return nil },
			[]granttest.Fault{granttest.Error(http.StatusOK, "incorrect_device_code", "no")},
			oauth2grant.Code("incorrect_device_code"),
		},
		{
			"the server says so in an object", waits,
			[]granttest.Fault{{Status: 400, Body: `{"error":{"code":"access_denied","message":"no"}}`}},
			oauth2grant.AccessDenied,
		},
		{
			"the server says so in a form", waits,
			[]granttest.Fault{{Status: 200, Body: `error=access_denied`}},
			oauth2grant.AccessDenied,
		},
		{
			"the server says that the code has expired, in its own word", waits,
			[]granttest.Fault{granttest.Error(http.StatusBadRequest, "code_expired", "")},
			oauth2grant.ErrAuthorizationTimeout,
		},
		{
			"the client may not do so", waits,
			[]granttest.Fault{granttest.Error(http.StatusUnauthorized, "invalid_client", "")},
			oauth2grant.InvalidClient,
		},
		{
			"the server knows no such grant", waits,
			[]granttest.Fault{granttest.Error(http.StatusBadRequest, "unsupported_grant_type", "")},
			errors.ErrUnsupported,
		},
		{
			"the code is another client's", waits,
			[]granttest.Fault{granttest.Error(http.StatusBadRequest, "invalid_grant", "")},
			oauth2grant.InvalidGrant,
		},
		{
			"the prompt fails", func(*granttest.Server, oauth2grant.DevicePrompt) error { return errStoreDown }, nil,
			errStoreDown,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Script(granttest.Token, c.script...)
				flow := oauth2grant.DeviceCode{
					Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error { return c.prompt(srv, p) },
				}
				g := newGrant(t, flow, deviceConfig(srv))
				if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, c.want) {
					t.Errorf("error is %v, want %v", err, c.want)
				}
				asked := srv.Count(granttest.DeviceAuthorization)
				if g.EnsureActiveToken(t.Context()) == nil || srv.Count(granttest.DeviceAuthorization) != asked {
					t.Error("the next call did not wait for the back-off")
				}
			})
		})
	}
}

func TestDeviceCode_PromptHasWhatThePersonNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{DeviceLifetime: 3 * time.Minute})
		srv.Script(granttest.DeviceAuthorization, granttest.Fault{Edit: func(answer map[string]any) {
			answer["verification_url"] = answer["verification_uri"] // as some servers spell it
			delete(answer, "verification_uri")
			delete(answer, "interval")
		}})
		var seen oauth2grant.DevicePrompt
		flow := oauth2grant.DeviceCode{PKCE: true, Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error {
			seen = p
			return srv.ApproveDevice(p.UserCode, "alice")
		}}
		start := time.Now()
		g := newGrant(t, flow, deviceConfig(srv))
		if err := g.EnsureActiveToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		if seen.UserCode == "" || seen.VerificationURI == "" || seen.VerificationURIComplete == "" ||
			!seen.Expiry.Equal(start.Add(3*time.Minute)) {
			t.Errorf("prompt is %+v", seen)
		}
		if got := polls(srv, start); !slices.Equal(got, []int{5}) {
			t.Errorf("without an interval polls came after %v s, want 5", got)
		}
		asked := srv.Requests(granttest.DeviceAuthorization)[0].Form
		if asked.Get("code_challenge_method") != "S256" || asked.Get("scope") != "read" ||
			srv.Requests(granttest.Token)[0].Form.Get("code_verifier") == "" {
			t.Error("the request lacks the code challenge or the scope, or the poll the verifier")
		}
	})
}

// NTP sets the clock of a machine that has just booted while the person types
// the code.
func TestDeviceCode_SurvivesAClockThatIsSet(t *testing.T) {
	for _, by := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ahead := jumping(t)
				srv := granttest.New(granttest.Config{DeviceLifetime: 10 * time.Minute})
				approveAfter := 40 * time.Second
				flow := oauth2grant.DeviceCode{Prompt: func(_ context.Context, p oauth2grant.DevicePrompt) error {
					time.AfterFunc(20*time.Second, func() { ahead.Store(int64(by)) })
					time.AfterFunc(approveAfter, func() { _ = srv.ApproveDevice(p.UserCode, "alice") })
					return nil
				}}
				c := newClient(t, deviceConfig(srv))
				if _, err := flow.Run(t.Context(), c); err != nil {
					t.Errorf("the code is good for 10 min, and was approved after 40 s: %v", err)
				}
				ahead.Store(0)
				start := time.Now()
				approveAfter = time.Hour
				_, err := flow.Run(t.Context(), c)
				wantIs(t, err, oauth2grant.ErrAuthorizationTimeout)
				if after := time.Since(start); after < 9*time.Minute || after > 10*time.Minute {
					t.Errorf("nobody came: it ended after %v", after)
				}
			})
		})
	}
}

func TestDeviceCode_StopsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := newGrant(t, oauth2grant.DeviceCode{Prompt: func(context.Context, oauth2grant.DevicePrompt) error {
			return nil
		}}, deviceConfig(srv))
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		if err := g.EnsureActiveToken(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		time.Sleep(time.Hour)
		if n := srv.Count(granttest.Token); n != 2 {
			t.Errorf("%d polls, want the two before the caller left", n)
		}
	})
}

func TestDeviceCode_SaysWhyTheLastPollFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Token, granttest.Fault{Status: http.StatusForbidden, Body: "blocked"})
		start := time.Now()
		_, err := oauth2grant.DeviceCode{
			Prompt: func(context.Context, oauth2grant.DevicePrompt) error { return nil },
		}.Run(t.Context(), newClient(t, deviceConfig(srv)))
		wantIs(t, err, oauth2grant.ErrAuthorizationTimeout)
		if !strings.Contains(err.Error(), "403") {
			t.Errorf("got %v, which does not say what answered the polls", err)
		}
		if n, after := srv.Count(granttest.Token), time.Since(start); n > 12 || after > 10*time.Minute {
			t.Errorf("%d polls in %v", n, after)
		}
	})
}
