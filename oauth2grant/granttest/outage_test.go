package granttest_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// startMyService returns a call of a service that has a grant, which returns
// "ok" or "failed" within a second.
func startMyService(t *testing.T, issuer string, hc *http.Client) (get func() string) {
	t.Helper()
	g, err := oauth2grant.New(t.Context(), oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: issuer}, Auth: oauth2grant.SecretBasic("client", "secret"), HTTPClient: hc,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	api := &http.Client{Transport: g.Transport(hc.Transport)}
	get = func() string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, issuer+string(granttest.Resource), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := api.Do(req)
		if err != nil {
			return "failed"
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return "failed"
		}
		return "ok"
	}
	get() // its first token
	return get
}

// It is the test of the package's documentation.
func TestDoc_AnOutageTakesNoMinuteToFindOut(t *testing.T) {
	count := map[string]int{}
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Lifetime: 90 * time.Second})
		get := startMyService(t, srv.Issuer(), srv.HTTPClient())
		srv.Break(granttest.Token, granttest.Fault{Hang: true})
		time.AfterFunc(2*time.Minute, func() { srv.Heal(granttest.Token) })
		for range 240 {
			time.Sleep(time.Second)
			count[get()]++
		}
	})
	if count["ok"] < 150 || count["failed"] == 0 {
		t.Errorf("a token of 90 s, two minutes without an endpoint: %v", count)
	}
	t.Logf("%v", count)
}
