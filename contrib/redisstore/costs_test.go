package redisstore_test

import (
	"context"
	"errors"
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

func BenchmarkScale(b *testing.B) {
	server, meter := testservers.StartRedis(b), &storetrial.Meter{}
	scale := storetrial.Scale{Meter: meter, Open: func(tb testing.TB) (func(string) oauth2grant.Store, func()) {
		tb.Helper()
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), ContextTimeoutEnabled: true, Dialer: meter.Dial})
		family, err := redisstore.New(client, redisstore.Config{})
		must(tb, err)
		return func(key string) oauth2grant.Store { return family.Store(key) },
			func() { must(tb, errors.Join(family.Close(), client.Close())) }
	}}
	b.Run("200 waiters", scale.Waiters)
	b.Run("10,000 keys", scale.Keys)
}
