package chaos

import (
	"context"
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

func startRedis(t *testing.T) site {
	t.Helper()
	server := testservers.StartRedis(t)
	proxy := testservers.StartProxy(t, server.Addr())
	return site{
		place: place{Addr: proxy.Addr()}, direct: place{Addr: server.Addr()},
		faults: append(wayFaults(proxy), restarts(server)...),
		left: func(t *testing.T) int {
			t.Helper()
			client := redis.NewClient(&redis.Options{Addr: server.Addr()})
			defer client.Close()
			return redisLocks(t, client)
		},
	}
}

// redisLocks counts the locks on one server.
func redisLocks(t *testing.T, client *redis.Client) (n int) {
	t.Helper()
	now, err := client.Time(t.Context()).Result()
	must(t, err)
	names, err := client.Keys(t.Context(), "*:token").Result()
	must(t, err)
	for _, name := range names {
		until, err := client.HGet(t.Context(), name, "until").Int64()
		if err == nil && until > now.UnixMilli() {
			n++
		}
	}
	return n
}

func openRedis(p place) (opened, error) {
	client := redis.NewClient(&redis.Options{Addr: p.Addr, ContextTimeoutEnabled: true, DialerRetries: 1})
	return openRedisFamily(client, redisstore.Config{Lease: lease})
}

func openRedisFamily(client redis.UniversalClient, cfg redisstore.Config) (opened, error) {
	family, err := redisstore.New(client, cfg)
	if err != nil {
		return opened{}, err
	}
	return familyOf(family.Store, family.Close, client.Close), nil
}

func startPostgres(t *testing.T) site {
	t.Helper()
	server := testservers.StartPostgres(t)
	return postgresSite(t, server, server.URL())
}

func startPgBouncer(t *testing.T) site {
	t.Helper()
	server := testservers.StartPostgres(t)
	through := testservers.StartPgBouncer(t, server)
	s := postgresSite(t, server, through)
	for i, f := range s.faults {
		s.faults[i].do = func(t *testing.T, pass func()) {
			f.do(t, pass)
			progress.Retry(t, "answer through PgBouncer, which waits before it connects again", func() error {
				conn, err := pgx.Connect(context.Background(), through)
				if err == nil {
					err = errors.Join(conn.Ping(context.Background()), conn.Close(context.Background()))
				}
				return err
			})
		}
	}
	return s
}

// postgresSite makes the table, and puts a proxy before what is at a URL: the
// server, or what leads to it.
func postgresSite(t *testing.T, server *testservers.Postgres, through string) site {
	t.Helper()
	ask := func(do func(pool *pgxpool.Pool)) {
		pool, err := pgxpool.New(t.Context(), server.URL())
		must(t, err)
		defer pool.Close()
		do(pool)
	}
	ask(func(pool *pgxpool.Pool) { must(t, pgstore.Migrate(t.Context(), pool)) })
	address, err := url.Parse(through)
	must(t, err)
	proxy := testservers.StartProxy(t, address.Host)
	address.Host, address.RawQuery = proxy.Addr(), address.RawQuery+"&pool_max_conns=4"
	return site{
		place:  place{Addr: address.String()},
		direct: place{Addr: server.URL()},
		faults: append(wayFaults(proxy), restarts(server)...),
		left: func(t *testing.T) (n int) {
			t.Helper()
			ask(func(pool *pgxpool.Pool) {
				const count = `SELECT count(*) FROM oauth2grant_tokens WHERE until > now()`
				must(t, pool.QueryRow(t.Context(), count).Scan(&n))
			})
			return n
		},
	}
}

func openPostgres(p place) (opened, error) {
	pool, err := pgxpool.New(context.Background(), p.Addr)
	if err != nil {
		return opened{}, err
	}
	family, err := pgstore.New(pool, pgstore.Config{Lease: lease})
	if err != nil {
		pool.Close()
		return opened{}, err
	}
	return familyOf(family.Store, family.Close, func() error { pool.Close(); return nil }), nil
}
