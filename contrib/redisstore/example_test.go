package redisstore_test

import (
	"context"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func ExampleNew() {
	client := redis.NewClient(&redis.Options{Addr: "redis.example.com:6379", ContextTimeoutEnabled: true})
	defer client.Close()
	family, err := redisstore.New(client, redisstore.Config{Prefix: "orders"})
	if err != nil {
		log.Fatal(err)
	}
	defer family.Close()

	// one grant per user, over one client and one subscription
	pool := oauth2grant.NewPool(context.Background(),
		func(ctx context.Context, user string) (*oauth2grant.Grant, error) {
			return oauth2grant.New(ctx, oauth2grant.RefreshOnly{}, oauth2grant.Config{
				Server: oauth2grant.Server{Issuer: "https://login.example.com"},
				Auth:   oauth2grant.SecretBasic("orders", "secret"),
				Store:  family.Store(user),
			})
		}, oauth2grant.PoolConfig{MaxLive: 10_000})
	defer pool.Close()
}
