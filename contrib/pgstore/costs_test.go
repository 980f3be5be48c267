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
			settings, err := pgxpool.ParseConfig(server.URL())
			must(b, err)
			settings.MaxConns, settings.ConnConfig.DialFunc = 32, meter.Dial
			pool, err := pgxpool.NewWithConfig(b.Context(), settings)
			must(b, err)
			defer pool.Close()
			family, err := pgstore.New(pool, cfg)
			must(b, err)
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
