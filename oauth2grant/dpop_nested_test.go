package oauth2grant_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/clientassertion"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// A grant whose token authenticates the client of another is renewed within
// that one's refresh, which has a key of its own.
func TestDPoP_AKeyServesNoOtherGrant(t *testing.T) {
	for name, bound := range map[string]bool{"a bearer grant": false, "a grant with a key of its own": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				key := func() oauth2grant.Prover {
					p, err := dpop.New(nil)
					if err != nil {
						t.Fatal(err)
					}
					return p
				}
				srv := granttest.New(granttest.Config{
					Issuer: "https://inner.example", DPoP: true, Lifetime: 10 * time.Minute,
				})
				cfg := configFor(srv)
				cfg.Refresh.Disabled = true
				if bound {
					cfg.Proof = key()
				}
				inner := open(t, oauth2grant.ClientCredentials{}, cfg)

				cfg = configFor(granttest.New(granttest.Config{
					Issuer: "https://outer.example", DPoP: true,
					Assertion: func(string) (string, error) { return "client", nil },
				}))
				cfg.Proof = key()
				cfg.Auth = clientassertion.FromFunc("client", "", func(ctx context.Context) (string, error) {
					t, err := inner.Token(ctx)
					return t.AccessToken, err
				})
				outer := open(t, alice(), cfg)
				ensure(t, outer)
				time.Sleep(15 * time.Minute) // the inner token has expired

				if _, err := outer.RefreshToken(t.Context()); err != nil {
					t.Error(err)
				}
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL(granttest.Resource), nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := inner.Transport(srv.Transport()).RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if requests := srv.Count(granttest.Token); res.StatusCode != http.StatusOK || requests != 2 {
					t.Errorf("the inner API answers %s, after %d token requests", res.Status, requests)
				}
				for _, r := range srv.Requests(granttest.Token) {
					if !bound && r.Header.Get("DPoP") != "" {
						t.Error("a grant without a key has proved one")
					}
				}
			})
		})
	}
}
