package pgstore_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/internal/storetrial"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func BenchmarkCosts(b *testing.B) {
	server, own := start(b)
	_, err := own.Exec(b.Context(), `CREATE TABLE bare (key text PRIMARY KEY, token bytea)`)
	must(b, err)
	for name, cfg := range map[string]pgstore.Config{"polling": {}, "listening": {Listen: true}} {
		b.Run(name, func(b *testing.B) {
			meter := &storetrial.Meter{}
			family, pool := metered(b, server.URL(), 32, cfg, meter)
			defer pool.Close()
			defer family.Close()
			storetrial.Costs{
				Open:      func(key string) oauth2grant.Store { return family.Store(key) },
				Exchanges: meter.Exchanges.Load,
				Bare: func(ctx context.Context, key string, value []byte) error {
					_, err := pool.Exec(ctx, `INSERT INTO bare (key, token) VALUES ($1, $2)
						ON CONFLICT (key) DO UPDATE SET token = excluded.token`, key, value)
					return err
				},
			}.Measure(b)
		})
	}
}

// metered opens a family over a pool of n connections.
func metered(tb testing.TB, url string, n int32, cfg pgstore.Config, m *storetrial.Meter) (*pgstore.Family, *pgxpool.Pool) {
	tb.Helper()
	settings, err := pgxpool.ParseConfig(url)
	must(tb, err)
	settings.MaxConns, settings.ConnConfig.DialFunc = n, m.Dial
	pool, err := pgxpool.NewWithConfig(context.Background(), settings)
	must(tb, err)
	family, err := pgstore.New(pool, cfg)
	must(tb, err)
	return family, pool
}

func BenchmarkScale(b *testing.B) {
	server, own := start(b)
	_, err := own.Exec(b.Context(), `ALTER SYSTEM SET max_connections = 500`)
	must(b, err)
	own.Reset()
	server.Stop()
	server.Start()
	meter := &storetrial.Meter{}
	scale := storetrial.Scale{Meter: meter, Open: func(tb testing.TB) (func(string) oauth2grant.Store, func()) {
		tb.Helper()
		family, pool := metered(tb, server.URL(), 2, pgstore.Config{}, meter)
		must(tb, pool.Ping(context.Background())) // 200 connections at once take longer than a call may
		return func(key string) oauth2grant.Store { return family.Store(key) }, func() { must(tb, family.Close()); pool.Close() }
	}}
	b.Run("200 waiters", scale.Waiters)
	b.Run("10,000 keys", scale.Keys)
}
