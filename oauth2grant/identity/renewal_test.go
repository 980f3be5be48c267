package identity_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

func TestFile_IsReplacedUnderAThousandRenewals(t *testing.T) {
	p := granttest.NewPlatform("https://cluster.example")
	srv := granttest.New(granttest.Config{Identity: p.Trust("https://auth.granttest.example")})
	for name, replace := range replacements {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			put := func(n int) {
				if err := replace(dir, n, p.Assertion("pod", srv.Issuer(), nil)); err != nil {
					t.Error(err)
				}
			}
			put(0)
			c, err := oauth2grant.NewClient(oauth2grant.Config{
				Server: oauth2grant.Server{Issuer: srv.Issuer()}, Auth: oauth2grant.Public("native"),
				HTTPClient: srv.HTTPClient(),
			})
			if err != nil {
				t.Fatal(err)
			}
			flow := oauth2grant.JWTBearer{Assertion: identity.File(filepath.Join(dir, "token"))}
			const callers, each = 10, 100
			renewed := make(chan struct{}, callers*each)
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for range each {
						if _, err := flow.Run(context.Background(), c); err != nil {
							t.Error(err)
						}
						renewed <- struct{}{}
					}
				})
			}
			for n := 1; n <= callers*each; n++ {
				if <-renewed; n%20 == 0 { // while the others go on
					put(n)
				}
			}
			wg.Wait()
		})
	}
}
