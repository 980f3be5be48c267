// Package servers starts the real servers that the end-to-end tests talk to,
// each on 127.0.0.1 with data of its own, and ends them with the test. What is
// not installed skips the test and says what to run; with CI=true it fails it.
//
// The methods that take part in a test (Start, Stop, Kill, Restart) fail it
// themselves and are for one goroutine at a time, the test's own.
package servers

import (
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// StartFosite starts the authorization server that runs in this process.
func StartFosite(tb testing.TB, cfg authserver.Config) *authserver.Server {
	tb.Helper()
	s, err := authserver.Start(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// Redis is a redis-server that has every write on disk before it answers it.
type Redis = testservers.Redis

// StartRedis starts a redis-server; args go to its command line, after ours.
func StartRedis(tb testing.TB, args ...string) *Redis {
	tb.Helper()
	return testservers.StartRedis(tb, args...)
}

// Postgres is a PostgreSQL server with an empty cluster.
type Postgres = testservers.Postgres

// StartPostgres makes a cluster and starts its server.
func StartPostgres(tb testing.TB) *Postgres {
	tb.Helper()
	return testservers.StartPostgres(tb)
}
