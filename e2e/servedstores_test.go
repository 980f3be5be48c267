package e2e

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/oauth2grant/go-oauth2grant/contrib/etcdstore"
	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// lease is one that a busy machine can keep: so long Redis and PostgreSQL wait
// for a holder that was killed or stopped. That of etcd is 10 s.
const lease = 3 * time.Second

// served is a store on a server, with connections of its own, as every process
// has them. Its place is "server key".
type served struct {
	sharedStore
	close func() error
}

type sharedStore interface {
	oauth2grant.Store
	oauth2grant.AnswerSaver
	oauth2grant.Notifier
}

func (s served) Close() error { return s.close() }

func startRedis(t *testing.T) string {
	t.Helper()
	return testservers.StartRedis(t).Addr() + " token"
}

func openRedis(place string) (oauth2grant.Store, error) {
	addr, key, _ := strings.Cut(place, " ")
	client := redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true})
	return openOver(client, key, redisstore.Config{Lease: lease})
}

func openOver(client redis.UniversalClient, key string, cfg redisstore.Config) (oauth2grant.Store, error) {
	family, err := redisstore.New(client, cfg)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return served{family.Store(key), func() error { return errors.Join(family.Close(), client.Close()) }}, nil
}

func startPostgres(t *testing.T) string {
	t.Helper()
	server := testservers.StartPostgres(t)
	return migrated(t, server, server.URL())
}

// migrated makes the table, and returns the place of a token there, at a URL
// that leads to the server.
func migrated(t *testing.T, server *testservers.Postgres, through string) string {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), server.URL())
	must(t, err)
	defer pool.Close()
	must(t, pgstore.Migrate(t.Context(), pool))
	few, err := url.Parse(through)
	must(t, err)
	q := few.Query()
	q.Set("pool_max_conns", "3") // of each process of a fleet
	few.RawQuery = q.Encode()
	return few.String() + " token"
}

func openPostgres(place string) (oauth2grant.Store, error) {
	server, key, _ := strings.Cut(place, " ")
	pool, err := pgxpool.New(context.Background(), server)
	if err != nil {
		return nil, err
	}
	family, err := pgstore.New(pool, pgstore.Config{Lease: lease})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return served{family.Store(key), func() error { defer pool.Close(); return family.Close() }}, nil
}

func startEtcd(t *testing.T) string {
	t.Helper()
	return testservers.StartEtcd(t).Addr() + " token"
}

func openEtcd(place string) (oauth2grant.Store, error) {
	addr, key, _ := strings.Cut(place, " ")
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}, Logger: zap.NewNop()})
	if err != nil {
		return nil, err
	}
	family, err := etcdstore.New(client, etcdstore.Config{})
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return served{family.Store(key), func() error { return errors.Join(family.Close(), client.Close()) }}, nil
}
