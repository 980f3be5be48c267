package redisstore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

// Family is the Stores over one client: they share its connections, and one
// subscription. It comes from [New].
type Family = leasestore.Family

// Store is the [oauth2grant.Store] of one key. It comes from Family.Store.
type Store = leasestore.Store

var _ oauth2grant.Store = (*Store)(nil)

// Config says how tokens are kept. The zero value is good.
type Config struct {
	// Prefix is that of every key and of the channel. If empty, it is
	// "oauth2grant". It has no braces.
	Prefix string

	// TTL is how long a token stays after its last Save. If zero, it stays
	// until Delete.
	TTL time.Duration

	// Replicas is how many of them must have a token before Save returns, best
	// as many as each master has; zero: none. See the package's comment for
	// what a failover then loses.
	Replicas int

	// Lease is how long a lock outlives a holder that was killed. If zero, it
	// is 5 s; it is at least 1 s. While a refresh request is under way it is 10
	// s at least.
	Lease time.Duration

	// Keys encrypts tokens. If nil, they are kept in clear.
	Keys seal.KeyFunc

	// AcceptPlain reads tokens in clear although Keys is set. It is for a
	// migration only, see [seal.Box].
	AcceptPlain bool

	// Logger is warned if the eviction policy can't be read, or the channel not
	// be used. If nil, it is [slog.Default].
	Logger *slog.Logger
}

// New returns a family over a client of the caller's, which stays the caller's
// to close, after the family. It does not connect. The client must have
// ContextTimeoutEnabled, or a Redis that does not answer would hold up its
// callers whatever their context; a [redis.Ring] is refused, since
// subscriptions do not work across its servers.
func New(client redis.UniversalClient, cfg Config) (*Family, error) {
	problems := []error{clientProblem(client)}
	if cfg.Prefix == "" {
		cfg.Prefix = "oauth2grant"
	}
	if strings.ContainsAny(cfg.Prefix, "{}") {
		problems = append(problems, fmt.Errorf(
			"Config.Prefix %q must have no braces: they choose the slot in a cluster", cfg.Prefix))
	}
	if cfg.TTL < 0 || cfg.TTL > 0 && cfg.TTL < time.Millisecond {
		problems = append(problems, fmt.Errorf("Config.TTL %v must be zero, or 1 ms and more", cfg.TTL))
	}
	if cfg.Replicas < 0 {
		problems = append(problems, fmt.Errorf("Config.Replicas %d must not be negative", cfg.Replicas))
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	return leasestore.New(&backend{client, cfg}, leasestore.Config{
		Name: "redisstore", Place: cfg.Prefix, Lease: cfg.Lease,
		Keys: cfg.Keys, AcceptPlain: cfg.AcceptPlain,
	})
}

func clientProblem(client redis.UniversalClient) error {
	honoured := false
	switch c := client.(type) {
	case *redis.Client:
		honoured = c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		honoured = c.Options().ContextTimeoutEnabled
		if c.Options().ReadOnly { // also where it routes by latency or at random
			return errors.New("a client that reads from replicas can't be used: " +
				"they may return a refresh token that is rotated already")
		}
	default:
		return fmt.Errorf("a %T can't be used: give a *redis.Client, of Sentinel or not, or a *redis.ClusterClient",
			client)
	}
	if !honoured {
		return errors.New(
			"set ContextTimeoutEnabled in the options of the client: else it ignores the deadlines of contexts")
	}
	return nil
}
