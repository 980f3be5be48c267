package pgstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2grant/go-oauth2grant/internal/fanout"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

// Config says how tokens are kept. The zero value is good.
type Config struct {
	Lease   time.Duration // how long the server keeps the lock of a holder that does not answer; zero: 15 s, at least 1 s
	Timeout time.Duration // of one exchange with PostgreSQL; zero: 3 s or a third of Lease, whichever is less

	Keys        seal.KeyFunc // encrypts tokens; nil: they are kept in clear
	AcceptPlain bool         // read tokens in clear although Keys is set: for a migration only, see seal.Box
}

// Family is the Stores over one pool: they share its connections, and one subscription. All methods are safe for concurrent use. It comes from New.
type Family struct {
	pool *pgxpool.Pool
	cfg  Config
	box  seal.Box

	life context.Context // of the goroutines
	end  context.CancelFunc
	all  sync.WaitGroup
	subs fanout.Set

	mu        sync.Mutex
	closed    bool
	listening bool
}

// New makes a family over a pool of the caller's, which stays the caller's to close, after the family. It does not connect. See the package's comment for the
// size of the pool.
func New(pool *pgxpool.Pool, cfg Config) (*Family, error) {
	var problems []error
	if pool == nil {
		problems = append(problems, errors.New("there is no pool"))
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
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("pgstore: %w", err)
	}
	f := &Family{
		pool: pool, cfg: cfg, box: seal.Box{Keys: cfg.Keys, AcceptPlain: cfg.AcceptPlain},
	}
	f.life, f.end = context.WithCancel(context.Background())
	return f, nil
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

// String names the package and nothing else: the pool knows passwords.
func (f *Family) String() string { return "pgstore" }

// Format implements fmt.Formatter, so that no verb shows more than String does.
func (f *Family) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(f.String())) }

// LogValue implements slog.LogValuer.
func (f *Family) LogValue() slog.Value { return slog.StringValue(f.String()) }
