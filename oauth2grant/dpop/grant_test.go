package dpop_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open makes a grant whose tokens are bound, at srv.
func open(t *testing.T, srv *granttest.Server, proof oauth2grant.Prover) *oauth2grant.Grant {
	t.Helper()
	g, err := oauth2grant.New(context.Background(), oauth2grant.Password{Username: "alice", Password: "wonderland"},
		oauth2grant.Config{
			Server: oauth2grant.Server{Issuer: srv.Issuer()}, Auth: oauth2grant.SecretBasic("client", "secret"),
			Proof: proof, HTTPClient: srv.HTTPClient(),
		})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func TestGrant_IsBoundToItsKeyForLife(t *testing.T) {
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			srv := granttest.New(granttest.Config{DPoPNonce: true})
			g := open(t, srv, newProver(t, key))
			api := &http.Client{Transport: g.Transport(srv.Transport())}
			for range 3 {
				if _, err := g.RefreshToken(t.Context()); err != nil {
					t.Fatal(err)
				}
				srv.RotateNonce()
				res, err := api.Get(srv.URL(granttest.Resource) + "/x?y=z")
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK {
					t.Errorf("the API answers %d", res.StatusCode)
				}
			}
			if u, err := g.Client().UserInfo(t.Context(), accessToken(t, g)); err != nil || u.Subject != "alice" {
				t.Errorf("user info: %v, %v", u, err)
			}
		})
	}
}

func accessToken(t *testing.T, g *oauth2grant.Grant) string {
	t.Helper()
	token, err := g.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

func TestGrant_FollowsANonceThatIsRotatedAllTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{DPoPNonce: true})
		g := open(t, srv, newProver(t, nil))
		if err := g.EnsureActiveToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		srv.Reset()
		api := &http.Client{Transport: g.Transport(srv.Transport())}
		const workers, calls = 10, 100
		var failed atomic.Int64
		var wg sync.WaitGroup
		for worker := range workers {
			wg.Go(func() {
				for call := range calls {
					time.Sleep(time.Duration(10+worker) * time.Millisecond) // not two at once
					if worker == 0 {
						srv.RotateNonce()
					}
					res, err := api.Get(fmt.Sprintf("%s/%d/%d", srv.URL(granttest.Resource), worker, call))
					if err != nil {
						failed.Add(1)
						continue
					}
					_ = res.Body.Close()
					if res.StatusCode != http.StatusOK {
						failed.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if n := failed.Load(); n != 0 {
			t.Errorf("%d calls failed", n)
		}
		seen, sent := map[string]bool{}, map[string]int{}
		for _, r := range srv.Requests(granttest.Resource) {
			if sent[r.URL]++; sent[r.URL] > 2 {
				t.Errorf("more than one retry of %s", r.URL)
			}
		}
		if srv.Count(granttest.Resource) == workers*calls {
			t.Error("no nonce was refused")
		}
		if len(sent) != workers*calls {
			t.Errorf("%d calls arrived, want %d", len(sent), workers*calls)
		}
		for _, r := range srv.Requests() {
			if p := r.Header.Get("DPoP"); p != "" && seen[p] {
				t.Fatal("a proof was sent twice")
			} else {
				seen[p] = true
			}
		}
		_ = g.Close()
	})
}

func TestGrant_SaysThatTheClockIsWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{DPoP: true})
		refused := granttest.Error(400, "invalid_dpop_proof", "iat")
		refused.Header.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		srv.Break(granttest.Token, refused)
		g := open(t, srv, newProver(t, nil))
		err := g.EnsureActiveToken(t.Context())
		if want := "this machine's clock is 1h0m0s behind the server's"; err == nil || !strings.Contains(err.Error(),
			want) {
			t.Errorf("got %v", err)
		}
		_ = g.Close()
	})
}

// BenchmarkGrant_PrepareRequest shows that those who need no proof pay nothing
// for the place that it has.
func BenchmarkGrant_PrepareRequest(b *testing.B) {
	srv := granttest.New(granttest.Config{})
	g, err := oauth2grant.New(context.Background(), oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: srv.Issuer()}, Auth: oauth2grant.SecretBasic("client",
			"secret"), HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer g.Close()
	h := http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		if err := g.PrepareRequest(b.Context(), h); err != nil {
			b.Fatal(err)
		}
	}
}
