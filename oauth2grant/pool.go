package oauth2grant

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Pool keeps one grant per key, opened on demand, and a bounded number of them
// live: for a service that acts for many users. Give each grant a [Store], so
// that its token outlives its place in the pool, and all of them one shared
// [Client], so that connections and discovery exist once. All methods are safe
// for concurrent use.
type Pool[K comparable] struct {
	open func(context.Context, K) (*Grant, error)
	cfg  PoolConfig

	base context.Context         // of the grants
	life context.Context         // within base: until Close
	end  context.CancelCauseFunc // of life
	wg   sync.WaitGroup          // of uses, openings, closings and the armed timer

	// mu guards everything below, and the fields of an entry that say so. It is
	// never held while user code runs or anything is waited for.
	mu      sync.Mutex
	closed  bool
	live    map[K]*entry[K]       // those with a place
	waiting map[K]*entry[K]       // those in queue
	leaving map[K]<-chan struct{} // closed when the grants of the key that are being closed have been
	places  int                   // taken, at most MaxLive
	closing int                   // of those, how many will soon be free
	demand  int                   // entries in queue that need a place, since their key has no live one
	queue   *list.List            // of entries, the longest waiting first
	idle    *list.List            // of live entries that nobody uses, the longest idle first
	sweep   *time.Timer           // nil: not armed
}

// PoolConfig bounds a [Pool].
type PoolConfig struct {
	// MaxLive is how many grants may be live at a time. When another one is
	// needed, the one that has been unused for the longest is closed. Zero and
	// less mean 1,000.
	MaxLive int

	// IdleAfter is how long a grant may be unused before it is closed. Zero and
	// less mean 10 minutes.
	IdleAfter time.Duration
}

const (
	defaultMaxLive   = 1000
	defaultIdleAfter = 10 * time.Minute
)

// NewPool returns a pool, which does nothing yet. The func open returns the
// grant of a key and must return another one for each. The ctx that it is given
// lasts as long as the grant has its place, and so is right for [New]. While a
// grant is being closed, its key is not opened again.
//
// The end of ctx closes the pool, its grants at once and even those in use; to
// let uses finish, call [Pool.Close] first.
func NewPool[K comparable](
	ctx context.Context, open func(context.Context, K) (*Grant, error), cfg PoolConfig,
) *Pool[K] {
	if cfg.MaxLive <= 0 {
		cfg.MaxLive = defaultMaxLive
	}
	if cfg.IdleAfter <= 0 {
		cfg.IdleAfter = defaultIdleAfter
	}
	p := &Pool[K]{
		open: open, cfg: cfg, base: ctx,
		live: map[K]*entry[K]{}, waiting: map[K]*entry[K]{}, leaving: map[K]<-chan struct{}{},
		queue: list.New(), idle: list.New(),
	}
	p.life, p.end = context.WithCancelCause(ctx)
	return p
}

// Use calls f with the grant of key, which is not closed while f runs. It first
// waits, on ctx, until the grant has been opened and, if MaxLive grants are all
// in use, for its turn: whoever waits longest is first, and while somebody
// waits for a place, a new use of a grant that is in use waits behind.
//
// So an f that calls Use itself, for whatever key, may have to wait for others
// that do the same: use the grant that f was given, and take several keys in
// one order with room for all of them. The grant must not be kept.
//
// The error is that of f, of open, which is not remembered, of ctx, or
// [ErrClosed].
func (p *Pool[K]) Use(ctx context.Context, key K, f func(*Grant) error) error {
	if ctx == nil {
		return errNilContext
	}
	e, ready, err := p.take(ctx, key)
	if err != nil {
		return err
	}
	defer func() { p.leave(e) }()
	for {
		if err := p.await(ctx, ready); err != nil {
			return err
		}
		if e.joined == nil {
			break
		}
		e = e.joined
		ready = p.readyOf(e)
	}
	if e.err != nil {
		return e.err
	}
	return f(e.grant)
}

// await waits until ready is closed. If it is, the state of ctx does not
// matter.
func (p *Pool[K]) await(ctx context.Context, ready <-chan struct{}) error {
	select {
	case <-ready:
		return nil
	default:
	}
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	case <-p.life.Done():
		return p.closedError()
	}
}

// PrepareRequest is [Grant.PrepareRequest] on the grant of key, within a
// [Pool.Use].
func (p *Pool[K]) PrepareRequest(ctx context.Context, key K, h http.Header) error {
	return p.Use(ctx, key, func(g *Grant) error { return g.PrepareRequest(ctx, h) })
}

// Forget takes the grant of key out of the pool and closes it as soon as nobody
// uses it any more. It does not block. The next [Pool.Use] opens another grant.
func (p *Pool[K]) Forget(key K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.live[key]; e != nil {
		p.removeLocked(e)
	}
}

// Close lets no use begin and ends those that still wait, with [ErrClosed]. It
// then waits for the uses under way, whose grants go on working, closes every
// grant after its last use, and returns nil. It may be called more than once,
// but not from within a [Pool.Use], which would wait for itself.
func (p *Pool[K]) Close() error {
	p.mu.Lock()
	p.closed = true
	if p.sweep != nil && p.sweep.Stop() {
		p.wg.Done()
	}
	p.sweep = nil
	p.end(ErrClosed)
	for _, e := range p.live {
		if e.opening {
			e.end(ErrClosed)
		}
		p.removeLocked(e)
	}
	p.mu.Unlock()
	p.wg.Wait()
	return nil
}

// String returns how many grants are live and how many keys wait for a place.
func (p *Pool[K]) String() string {
	if p == nil || p.queue == nil {
		return "Pool{none}"
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Sprintf("Pool{%d live, %d waiting}", p.places, p.queue.Len())
}

// Format implements [fmt.Formatter], so that no verb looks into a pool that is
// in use.
func (p *Pool[K]) Format(f fmt.State, _ rune) { formatRedacted(f, p.String()) }

func (p *Pool[K]) closedError() error {
	if cause := context.Cause(p.life); cause != nil && !errors.Is(cause, ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, cause)
	}
	return ErrClosed
}

// ended returns the cause of the end of ctx, as an error that is also
// ctx.Err().
func ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) {
		return cause
	}
	return fmt.Errorf("%w: %w", ctx.Err(), cause)
}
