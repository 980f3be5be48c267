package leasestore

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/oauth2grant/go-oauth2grant/internal/fanout"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

// Config says how tokens are kept. The zero value is good, but for Name.
type Config struct {
	// Name is that of the package, for errors.
	Name string

	// Place is where the records are: a prefix, a table. A sealed token is
	// bound to it and to its key.
	Place string

	// Lease is how long a lock outlives a holder that was killed, unless the
	// record carries a mark. If zero, it is 5 s; it is at least 1 s. It should
	// be longer than two exchanges with the database take on a bad day: else a
	// lock is lost before it is of use.
	Lease time.Duration

	// Keys encrypts tokens. If nil, they are kept in clear. New asks it for the
	// key to seal with.
	Keys seal.KeyFunc

	// AcceptPlain reads tokens in clear although Keys is set. It is for a
	// migration only, see [seal.Box].
	AcceptPlain bool
}

const (
	// markLife is how long a mark lives after its holder was last heard of,
	// unless the lease is longer.
	markLife = 10 * time.Second
	// patience is how long an exchange with the database may take.
	patience = 3 * time.Second
)

// Family is the Stores over one Backend: they share its connections, and one
// subscription. All methods are safe for concurrent use. It comes from [New].
type Family struct {
	backend Backend
	cfg     Config
	box     seal.Box

	life context.Context // of the goroutines
	end  context.CancelFunc
	all  sync.WaitGroup
	subs fanout.Set

	// mu guards what follows.
	mu       sync.Mutex
	closed   bool
	watching bool
	turns    map[string]*turn

	checked atomic.Bool
}

// New returns a family over a backend. It does not connect. The error says what
// is wrong with cfg.
func New(b Backend, cfg Config) (*Family, error) {
	if cfg.Lease == 0 {
		cfg.Lease = 5 * time.Second
	}
	f := &Family{
		backend: b, cfg: cfg, box: seal.Box{Keys: cfg.Keys, AcceptPlain: cfg.AcceptPlain}, turns: map[string]*turn{},
	}
	if cfg.Lease < time.Second {
		return nil, fmt.Errorf("%s: Config.Lease %v must be at least 1 s", cfg.Name, cfg.Lease)
	}
	if err := f.exchange(context.Background(), func(ctx context.Context) error {
		_, err := f.box.Seal(ctx, nil, "")
		return err
	}); err != nil {
		return nil, fmt.Errorf("%s: %w", cfg.Name, err)
	}
	f.life, f.end = context.WithCancel(context.Background())
	return f, nil
}

// Check returns an error that says what to change if the database is set up so
// that tokens or locks would get lost, or can't be reached. The first Lock does
// it too.
func (f *Family) Check(ctx context.Context) error {
	if err := f.exchange(ctx, f.backend.Check); err != nil {
		return fmt.Errorf("%s: check: %w", f.cfg.Name, err)
	}
	f.checked.Store(true)
	return nil
}

// exchange runs one exchange with the database, or with whoever has the keys,
// bounded in time.
func (f *Family) exchange(ctx context.Context, do func(context.Context) error) error {
	err := ctx.Err()
	if err == nil {
		limited, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		err = do(limited)
	}
	return ended(ctx, err)
}

// Close ends the subscription, and held of every lock, and waits for their
// goroutines. It may be called more than once and returns nil. Afterwards Lock
// returns [ErrClosed]; the other methods of a Store still work.
func (f *Family) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.end()
	f.all.Wait()
	return nil
}

// spawn runs a goroutine that Close waits for, and reports whether there is
// one: not after Close.
func (f *Family) spawn(run func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.all.Go(run)
	return true
}

// turn is the queue for one key in this process.
type turn struct {
	sem   *semaphore.Weighted // first come, first served
	users int                 // guarded by Family.mu
}

// queue waits for the turn of a caller; done ends it.
func (f *Family) queue(ctx context.Context, key string) (done func(), err error) {
	f.mu.Lock()
	t := f.turns[key]
	if t == nil {
		t = &turn{sem: semaphore.NewWeighted(1)}
		f.turns[key] = t
	}
	t.users++
	f.mu.Unlock()
	err = t.sem.Acquire(ctx, 1)
	done = sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if t.users--; t.users == 0 {
			delete(f.turns, key)
		}
		if err == nil {
			t.sem.Release(1)
		}
	})
	if err != nil {
		done()
	}
	return done, err
}

// notify has the family watch from the first subscription on.
func (f *Family) notify(key string, changed func()) (stop func()) {
	stop = f.subs.Add(key, changed)
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.watching && !f.closed {
		f.watching = true
		f.all.Go(f.watch)
	}
	return stop
}

// watch keeps the subscription alive until Close.
func (f *Family) watch() {
	wait := newWait(10 * time.Second)
	for {
		_ = f.backend.Watch(f.life, func() { wait = newWait(10 * time.Second); f.subs.TellAll() }, f.subs.Tell)
		if !sleep(f.life, wait.next()) {
			return
		}
	}
}

// String names the family by its package and place.
func (f *Family) String() string { return f.cfg.Name + "(" + f.cfg.Place + ")" }

// Format implements [fmt.Formatter], so that no verb shows more than String
// does.
func (f *Family) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(f.String())) }

// LogValue implements [slog.LogValuer].
func (f *Family) LogValue() slog.Value { return slog.StringValue(f.String()) }
