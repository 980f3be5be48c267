package pgstore_test

import (
	"context"
	"log"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := pgxpool.New(ctx, "postgres://orders@db.example.com/orders")
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	if err := pgstore.Migrate(ctx, db); err != nil {
		log.Fatal(err)
	}
	family, err := pgstore.New(db, pgstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer family.Close()

	// one grant per user, over one pool of connections and one subscription
	pool := oauth2grant.NewPool(ctx, func(ctx context.Context, user string) (*oauth2grant.Grant, error) {
		return oauth2grant.New(ctx, oauth2grant.RefreshOnly{}, oauth2grant.Config{
			Server: oauth2grant.Server{Issuer: "https://login.example.com"},
			Auth:   oauth2grant.SecretBasic("orders", "secret"),
			Store:  family.Store(user),
		})
	}, oauth2grant.PoolConfig{MaxLive: 10_000})
	defer pool.Close()
}
