package oauth2grant_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestRefresh_TimesMayBeAsLongAsCanBe(t *testing.T) {
	for name, c := range map[string]struct {
		refresh oauth2grant.Refresh
		fault   granttest.Fault
		works   bool
	}{
		"Timeout":        {oauth2grant.Refresh{Timeout: math.MaxInt64}, granttest.Fault{Delay: time.Minute}, true},
		"MinBackOff":     {oauth2grant.Refresh{MinBackOff: math.MaxInt64}, granttest.Fault{Status: 503}, false},
		"MaxBackOff":     {oauth2grant.Refresh{MaxBackOff: math.MaxInt64}, granttest.Fault{}, true},
		"Before, Leeway": {oauth2grant.Refresh{Before: math.MaxInt64, Leeway: math.MaxInt64}, granttest.Fault{}, true},
		"IdleAfter":      {oauth2grant.Refresh{IdleAfter: math.MaxInt64}, granttest.Fault{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := granttest.New(granttest.Config{})
				srv.Break(granttest.Token, c.fault)
				cfg := configFor(srv)
				cfg.Refresh = c.refresh
				g := open(t, oauth2grant.ClientCredentials{}, cfg)
				if err := g.EnsureActiveToken(t.Context()); (err == nil) != c.works {
					t.Errorf("got %v", err)
				}
				time.Sleep(time.Minute)
				if n := srv.Count(granttest.Token); n > 2 {
					t.Errorf("%d token requests in a minute", n)
				}
			})
		})
	}
}
