package pgstore

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

// Family is the Stores over one pool: they share its connections, and one
// subscription. It comes from [New].
type Family = leasestore.Family

// Store is the [oauth2grant.Store] of one key. It comes from Family.Store.
type Store = leasestore.Store

var _ oauth2grant.Store = (*Store)(nil)

// Config says how tokens are kept. The zero value is good.
type Config struct {
	// Schema is that of the table. If empty, it is "public".
	Schema string

	// Listen has PostgreSQL tell of changes, instead of asking for them once a
	// second. Set it in all processes, or in none. See the package's comment
	// for what it costs.
	Listen bool

	// Lease is how long a lock outlives a holder that was killed. If zero, it
	// is 5 s; it is at least 1 s. While a refresh request is under way it is 10
	// s at least.
	Lease time.Duration

	// Keys encrypts tokens. If nil, they are kept in clear.
	Keys seal.KeyFunc

	// AcceptPlain reads tokens in clear although Keys is set. It is for a
	// migration only, see [seal.Box].
	AcceptPlain bool
}

// New returns a family over a pool of the caller's, which stays the caller's to
// close, after the family. It does not connect.
func New(pool *pgxpool.Pool, cfg Config) (*Family, error) {
	if pool == nil {
		return nil, errors.New("pgstore: there is no pool")
	}
	if cfg.Schema == "" {
		cfg.Schema = "public"
	}
	b := &backend{pool: pool, cfg: cfg, sql: statementsFor(cfg)}
	b.bare.Store(pool.Config().ConnConfig.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement)
	return leasestore.New(b, leasestore.Config{
		Name: "pgstore", Place: cfg.Schema + "." + table, Lease: cfg.Lease,
		Keys: cfg.Keys, AcceptPlain: cfg.AcceptPlain,
	})
}
