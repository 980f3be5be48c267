package oauth2grant_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// outages are the ways in which a token endpoint may be out of order.
var outages = map[string]granttest.Fault{
	"503":                     {Status: 503},
	"500 with JSON":           granttest.Error(500, "server_error", "oops"),
	"temporarily_unavailable": granttest.Error(400, "temporarily_unavailable", ""),
	"429":                     {Status: 429},
	"a page for people":       granttest.HTML(200),
	"no answer":               {Hang: true},
	"garbage":                 {Body: `{"access_token":`},
	"no token in it":          {Body: `{"token_type":"Bearer"}`},
	"200 MB":                  {Size: 200 << 20},
	"a cut connection":        {Cut: granttest.CutWithin},
	"cut before the answer":   {Cut: granttest.CutBefore},
}

const (
	lifetime   = 10 * time.Minute
	minBackOff = 500 * time.Millisecond
	maxBackOff = time.Minute
	timeout    = 30 * time.Second
	patience   = time.Second // with an attempt that ignores its context
)

func TestOutage_CostsNobodyTheTokenBeforeItExpires(t *testing.T) {
	for name, fault := range outages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testOutage(t, fault, 10) })
		})
	}
}

func TestOutage_IsMetByTheBackOffHoweverManyCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { testOutage(t, granttest.Fault{Status: 503}, 1) })
	synctest.Test(t, func(t *testing.T) { testOutage(t, granttest.Fault{Status: 503}, 1000) })
}

// testOutage lets an endpoint fail from the first renewal on, for longer than
// the back-off grows, while so many callers come every few seconds.
func testOutage(t *testing.T, fault granttest.Fault, callers int) {
	srv := granttest.New(granttest.Config{Lifetime: lifetime})
	g := open(t, alice(), configFor(srv))
	token := tokenOf(t, g)
	srv.Break(granttest.Token, fault)
	srv.Reset()
	slow := fault.Hang
	for range 400 {
		if time.Until(token.Expiry) < 0 {
			break
		}
		atOnce(callers, func(int) {
			start := time.Now()
			if err := g.EnsureActiveToken(t.Context()); err != nil && time.Now().Before(token.Expiry) {
				t.Errorf("%v before the expiry: %v", time.Until(token.Expiry), err)
			}
			if waited := time.Since(start); waited > 0 && !slow {
				t.Errorf("waited %v for a token that is usable", waited)
			}
		})
		time.Sleep(3 * time.Second)
	}
	end := time.Now().Add(20 * time.Minute)
	for time.Now().Before(end) {
		atOnce(callers, func(int) {
			start := time.Now()
			if err := g.EnsureActiveToken(t.Context()); err == nil {
				t.Error("got a token")
			} else if e, ok := errors.AsType[*oauth2grant.Error](err); !ok ||
				e.Op != "refresh_token" && e.Op != "password" || !oauth2grant.IsTransient(err) {
				t.Errorf("got %v", err)
			}
			if waited := time.Since(start); waited > 0 && !slow || waited > timeout+patience {
				t.Errorf("waited %v for a failure that is known", waited)
			}
		})
		time.Sleep(3 * time.Second)
	}
	checkBackOff(t, srv, maxBackOff, token.Expiry)
	srv.Heal(granttest.Token)
	pass(maxBackOff + timeout + patience)
	if s := g.Status(); !s.Usable || s.Err != nil || s.Failures != 0 {
		t.Errorf("it did not recover by itself: %+v", s)
	}
	for _, r := range srv.Requests() {
		if strings.Contains(r.URL, "evil") {
			t.Errorf("asked %s", r.URL)
		}
	}
}

// checkBackOff holds the attempts to the back-off, but for the one at the
// expiry of the token: from then on there may be another way, which is tried at
// once.
func checkBackOff(t *testing.T, srv *granttest.Server, longest time.Duration, expiry time.Time) {
	t.Helper()
	requests := slices.DeleteFunc(srv.Requests(granttest.Token), func(r granttest.Request) bool {
		return r.Form.Get("grant_type") == "password" // it follows a refusal of the refresh at once
	})
	if len(requests) < 15 {
		t.Errorf("only %d attempts", len(requests))
	}
	for i := 1; i < len(requests); i++ {
		if since := requests[i].Time.Sub(expiry); since >= 0 && since < time.Second {
			continue
		}
		if apart := requests[i].Time.Sub(requests[i-1].Time); apart < minBackOff || apart > longest+timeout+patience {
			t.Errorf("attempts %d and %d are %v apart", i-1, i, apart)
		}
	}
}

func TestOutage_A4xxThatSaysNothingKeepsTheRefreshToken(t *testing.T) {
	for name, fault := range map[string]granttest.Fault{
		"an empty 400": {Status: 400}, "prose": {Status: 401, Body: "no"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{Lifetime: lifetime})
				_, refresh, _ := srv.Issue("client", "alice")
				cfg := configFor(srv)
				cfg.Token.RefreshToken = refresh
				g := open(t, oauth2grant.RefreshOnly{}, cfg)
				token := tokenOf(t, g)
				srv.Break(granttest.Token, fault)
				for time.Until(token.Expiry) > 0 {
					ensure(t, g)
					time.Sleep(time.Second)
				}
				time.Sleep(2 * maxBackOff) // until the next attempt; to then the last failure stands
				wantIs(t, g.EnsureActiveToken(t.Context()), oauth2grant.ErrLoginRequired)
				srv.Heal(granttest.Token)
				pass(2 * maxBackOff)
				if s := g.Status(); !s.Usable {
					t.Errorf("the refresh token was not tried again: %+v", s)
				}
			})
		})
	}
}

func TestOutage_RetryAfterIsHonoured(t *testing.T) {
	const pause = 5 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Lifetime: lifetime})
		g := open(t, alice(), configFor(srv))
		ensure(t, g)
		srv.Break(granttest.Token, granttest.RetryAfter(429, pause))
		srv.Reset()
		for range 60 * 60 {
			_ = g.EnsureActiveToken(t.Context())
			time.Sleep(time.Second)
		}
		requests := srv.Requests(granttest.Token)
		for i := 1; i < len(requests); i++ {
			if apart := requests[i].Time.Sub(requests[i-1].Time); apart < pause || apart > pause+pause/4+2*time.Second {
				t.Errorf("%v apart", apart)
			}
		}
		if len(requests) < 9 {
			t.Errorf("%d attempts", len(requests))
		}
	})
}

func TestOutage_AtTheStartIsRememberedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Discovery, granttest.Fault{Status: 503})
		srv.Break(granttest.OpenIDConfiguration, granttest.Fault{Status: 503})
		g := open(t, oauth2grant.ClientCredentials{}, configFor(srv))
		for range 100 {
			if err := g.EnsureActiveToken(t.Context()); !oauth2grant.IsTransient(err) {
				t.Fatalf("got %v", err)
			}
		}
		if n := srv.Count(granttest.Discovery); n > 2 {
			t.Errorf("%d attempts at once", n)
		}
		srv.Heal(granttest.Discovery)
		pass(2 * maxBackOff)
		if !g.Status().Usable {
			t.Errorf("it did not recover by itself: %+v", g.Status())
		}
	})
}

func TestOutage_ExplicitCallsAskInSpiteOfTheBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Script(granttest.Token, granttest.RetryAfter(503, time.Hour), granttest.RetryAfter(503, time.Hour),
			granttest.RetryAfter(503, time.Hour))
		g := open(t, alice(), configFor(srv))
		for range 5 {
			if g.EnsureActiveToken(t.Context()) == nil {
				t.Error("got a token")
			}
		}
		for range 2 {
			if _, err := g.FetchToken(t.Context()); isFailure(t, err).RetryAfter != time.Hour {
				t.Errorf("got %v", err)
			}
		}
		if _, err := g.RefreshToken(t.Context()); err != nil || srv.Count(granttest.Token) != 4 {
			t.Errorf("got %v after %d requests", err, srv.Count(granttest.Token))
		}
	})
}

func TestOutage_WhoLeavesLearnsWhyAndWhatFailedLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Script(granttest.Token, granttest.Fault{Status: 502}, granttest.Fault{Hang: true})
		cfg := configFor(srv)
		cfg.Refresh.Disabled = true
		g := open(t, alice(), cfg)
		_ = g.EnsureActiveToken(t.Context())
		reason := errors.New("the user left")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(reason) })
		_, err := g.RefreshToken(ctx)
		wantIs(t, err, context.Canceled)
		wantIs(t, err, reason)
		if isFailure(t, err).StatusCode != 502 {
			t.Errorf("got %v", err)
		}
	})
}

func TestOutage_AServerThatHangsCostsNobodyTheToken(t *testing.T) {
	for range 20 { // when it is asked again is left to chance
		synctest.Test(t, testHang)
	}
}

func testHang(t *testing.T) {
	srv := granttest.New(granttest.Config{Lifetime: lifetime})
	g := open(t, alice(), configFor(srv))
	token := tokenOf(t, g)
	srv.Break(granttest.Token, granttest.Fault{Hang: true})
	pass(lifetime - 9*time.Second) // by now it is known that renewing fails
	for time.Now().Before(token.Expiry) {
		left := time.Until(token.Expiry)
		if err := g.EnsureActiveToken(t.Context()); err != nil {
			t.Fatalf("a caller who came %v before the expiry was kept waiting, to get %v", left, err)
		}
		time.Sleep(time.Second)
	}
}
