package redisstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/internal/fanout"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

// Config says how tokens are kept. The zero value is good.
type Config struct {
	Prefix  string        // of every key and of the channel; zero: "oauth2grant". No braces.
	TTL     time.Duration // how long a token stays after its last Save; zero: until Delete
	Lease   time.Duration // how long a lock outlives a holder that was killed; zero: 15 s, at least 1 s
	Timeout time.Duration // of one exchange with Redis; zero: 3 s or a third of Lease, whichever is less

	Keys        seal.KeyFunc // encrypts tokens; nil: they are kept in clear
	AcceptPlain bool         // read tokens in clear although Keys is set: for a migration only, see seal.Box
}

// Family is the Stores over one client: they share its connections, and one subscription. All methods are safe for concurrent use. It comes from New.
type Family struct {
	client redis.UniversalClient
	locker *redislock.Client
	cfg    Config
	box    seal.Box

	life context.Context // of the goroutines
	end  context.CancelFunc
	all  sync.WaitGroup
	subs fanout.Set

	mu        sync.Mutex
	closed    bool
	listening bool
}

// New makes a family over a client of the caller's, which stays the caller's to close, after the family. It does not connect. The client must have
// ContextTimeoutEnabled, or a Redis that does not answer would hold up its callers whatever their context; a redis.Ring is refused, since subscriptions do
// not work across its servers.
func New(client redis.UniversalClient, cfg Config) (*Family, error) {
	problems := []error{clientProblem(client)}
	if cfg.Prefix == "" {
		cfg.Prefix = "oauth2grant"
	}
	if strings.ContainsAny(cfg.Prefix, "{}") {
		problems = append(problems, fmt.Errorf("Config.Prefix %q must have no braces: they choose the slot in a cluster", cfg.Prefix))
	}
	if cfg.Lease == 0 {
		cfg.Lease = 15 * time.Second
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = min(3*time.Second, cfg.Lease/3)
	}
	if cfg.Lease < time.Second {
		problems = append(problems, fmt.Errorf("Config.Lease %v must be at least 1 s", cfg.Lease))
	}
	if cfg.Timeout < 0 || cfg.Timeout > cfg.Lease/2 {
		problems = append(problems, fmt.Errorf("Config.Timeout %v must be at most half of Config.Lease %v", cfg.Timeout, cfg.Lease))
	}
	if cfg.TTL < 0 || cfg.TTL > 0 && cfg.TTL < time.Millisecond {
		problems = append(problems, fmt.Errorf("Config.TTL %v must be zero, or 1 ms and more", cfg.TTL))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("redisstore: %w", err)
	}
	f := &Family{
		client: client, locker: redislock.New(client), cfg: cfg, box: seal.Box{Keys: cfg.Keys, AcceptPlain: cfg.AcceptPlain},
	}
	f.life, f.end = context.WithCancel(context.Background())
	return f, nil
}

func clientProblem(client redis.UniversalClient) error {
	honoured := true
	switch c := client.(type) {
	case nil:
		return errors.New("there is no client")
	case *redis.Ring:
		return errors.New("a redis.Ring can't be used: its servers do not pass notifications on to each other")
	case *redis.Client:
		honoured = c.Options().ContextTimeoutEnabled
	case *redis.ClusterClient:
		honoured = c.Options().ContextTimeoutEnabled
		if c.Options().ReadOnly { // also where it routes by latency or at random
			return errors.New("a client that reads from replicas can't be used: they may give a refresh token that is rotated already")
		}
	}
	if !honoured {
		return errors.New("set ContextTimeoutEnabled in the options of the client: else it ignores the deadlines of contexts")
	}
	return nil
}

// Close ends the subscription, and held of every lock, and waits for their goroutines. It may be called more than once and returns nil. Afterwards Lock gives
// ErrClosed; the other methods of a Store still work.
func (f *Family) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.end()
	f.all.Wait()
	return nil
}

// spawn runs a goroutine that Close waits for, and tells whether there is one: not after Close.
func (f *Family) spawn(run func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.all.Go(run)
	return true
}

// String names the family by its prefix.
func (f *Family) String() string { return "redisstore(" + f.cfg.Prefix + ")" }

// Format implements fmt.Formatter, so that no verb shows more than String does.
func (f *Family) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(f.String())) }

// LogValue implements slog.LogValuer.
func (f *Family) LogValue() slog.Value { return slog.StringValue(f.String()) }
