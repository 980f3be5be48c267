package pgstore_test

import (
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/internal/storetrial"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestStore_GrantsOnAServerInTrouble(t *testing.T) {
	server, pool := start(t)
	storetrial.Run(t, storetrial.Backend{
		Open: func(tb testing.TB, addr, key string) oauth2grant.Store {
			tb.Helper()
			return open(tb, strings.Replace(server.URL(), server.Addr(), addr, 1)+" "+key, pgstore.Config{})
		},
		Addr: server.Addr(), Stop: server.Stop, Start: server.Start,
		Wipe: func(tb testing.TB) {
			tb.Helper()
			if _, err := pool.Exec(tb.Context(), `TRUNCATE oauth2grant_tokens`); err != nil {
				tb.Fatal(err)
			}
		},
		LockLost: oauth2grant.ErrLockLost,
	})
}
