package redisstore_test

import (
	"testing"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/storetrial"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestStore_GrantsOnAServerInTrouble(t *testing.T) {
	server := testservers.StartRedis(t)
	storetrial.Run(t, storetrial.Backend{
		Open: func(tb testing.TB, addr, key string) oauth2grant.Store {
			tb.Helper()
			return open(tb, addr+" "+key, redisstore.Config{})
		},
		Addr: server.Addr(), Stop: server.Stop, Start: server.Start,
		Wipe: func(tb testing.TB) {
			tb.Helper()
			client := newClient(server.Addr())
			defer client.Close()
			if err := client.FlushAll(tb.Context()).Err(); err != nil {
				tb.Fatal(err)
			}
		},
		LockLost: oauth2grant.ErrLockLost,
	})
}
