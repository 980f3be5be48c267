package oauth2grant_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestClient_RemembersAFailedDiscoveryForTheBackOffOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Discovery, granttest.RetryAfter(503, 0))
		srv.Break(granttest.OpenIDConfiguration, granttest.Fault{Status: 404})
		c := newClient(t, configFor(srv))
		start := time.Now()
		for time.Since(start) < 10*time.Minute {
			atOnce(10, func(int) {
				if _, err := c.Server(t.Context()); !oauth2grant.IsTransient(err) {
					t.Errorf("got %v", err)
				}
			})
			time.Sleep(250 * time.Millisecond)
		}
		// 0.5 s, 1, 2, … 32 s, then a minute each: 7 + 9 attempts.
		if n := srv.Count(granttest.Discovery); n < 12 || n > 18 {
			t.Errorf("%d attempts in ten minutes", n)
		}
		srv.Heal(granttest.Discovery)
		time.Sleep(time.Minute)
		if _, err := c.Server(t.Context()); err != nil {
			t.Errorf("after the back-off: %v", err)
		}
	})
}

func TestClient_AThousandCallersDiscoverOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Script(granttest.Discovery, granttest.Fault{Delay: time.Second})
		c := newClient(t, configFor(srv))
		atOnce(1000, func(int) {
			if s, err := c.Server(t.Context()); err != nil || s.TokenURL == "" {
				t.Errorf("got %v", err)
			}
		})
		if got := asked(srv); len(got) != 1 {
			t.Errorf("asked %q", got)
		}
	})
}

func TestClient_WhoLeavesDuringDiscoveryTakesNobodyAlong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Script(granttest.Discovery, granttest.Fault{Hang: true})
		c := newClient(t, configFor(srv))
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		atOnce(2, func(i int) {
			if i == 1 {
				time.Sleep(time.Millisecond)
				if _, err := c.Server(t.Context()); err != nil {
					t.Errorf("the other caller: %v", err)
				}
				return
			}
			_, err := c.Server(impatient)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("got %v after %v", err, time.Since(start))
			}
		})
	})
}

func TestClient_DiscoversAnewForACallThatAUserMakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		srv.Break(granttest.Discovery, granttest.Fault{Status: 503})
		srv.Break(granttest.OpenIDConfiguration, granttest.Fault{Status: 503})
		c := newClient(t, configFor(srv))
		for want, ctx := range []context.Context{t.Context(), t.Context(), oauth2grant.AskingAnew(t.Context())} {
			if _, err := c.Server(ctx); !oauth2grant.IsTransient(err) {
				t.Errorf("got %v", err)
			}
			if n := srv.Count(granttest.Discovery); n != max(want, 1) {
				t.Errorf("%d requests after %d calls", n, want+1)
			}
		}
	})
}
