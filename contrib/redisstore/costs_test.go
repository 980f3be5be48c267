package redisstore_test

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/storetrial"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func BenchmarkCosts(b *testing.B) {
	server, meter := testservers.StartRedis(b), &storetrial.Meter{}
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true, PoolSize: 32, Dialer: meter.Dial})
	defer client.Close()
	family, err := redisstore.New(client, redisstore.Config{})
	must(b, err)
	defer family.Close()
	storetrial.Costs{
		Open:      func(key string) oauth2grant.Store { return family.Store(key) },
		Exchanges: meter.Exchanges.Load,
		Bare: func(ctx context.Context, key string, value []byte) error {
			return client.Set(ctx, "bare:"+key, value, 0).Err()
		},
	}.Measure(b)
}
