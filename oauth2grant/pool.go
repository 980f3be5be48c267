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

// Pool keeps one grant per key, made on demand, a bounded number live: for a service that acts for many users. Give each grant a Store, so that its token
// outlives its place in the pool, and one shared Client, so that connections and discovery exist once. All methods are safe for concurrent use.
type Pool[K comparable] struct {
	open func(context.Context, K) (*Grant, error)
	cfg  PoolConfig

	life context.Context
	end  context.CancelCauseFunc
	wg   sync.WaitGroup // of uses, openings, closings and the armed timer

	mu      sync.Mutex
	closed  bool
	entries map[K]*entry[K]
	leaving map[K]<-chan struct{} // closed when the grants of the key that are being closed have been
	live    int                   // places taken, at most MaxLive
	closing int                   // of those, how many will soon be free
	queue   *list.List            // of entries that wait for a place; while there is one, live is MaxLive
	idle    *list.List            // of entries that nobody uses, the longest idle first
	sweep   *time.Timer           // nil: not armed
}

// PoolConfig bounds a Pool.
type PoolConfig struct {
	MaxLive   int           // grants at a time; the one unused for the longest is closed for a new one; zero: 1,000
	IdleAfter time.Duration // a grant unused for so long is closed; zero: 10 min
}

const (
	defaultMaxLive   = 1000
	defaultIdleAfter = 10 * time.Minute
)

// entry is one key's part in the pool.
type entry[K comparable] struct {
	key   K
	ready chan struct{} // closed when grant and err are set
	grant *Grant
	err   error

	// guarded by Pool.mu
	users   int           // with who opens it
	queued  *list.Element // in queue; nil: it has a place
	resting *list.Element // in idle; nil: in use, or leaving
	since   time.Time     // idle since
	gone    bool          // no longer in the pool: closed when the last user leaves
}

// NewPool makes a pool. open makes the grant of a key, and must give each key its own; its ctx is that of the pool's life, and so right for New. While an
// evicted grant is being closed, its key is not opened again. NewPool does nothing yet. MaxLive and IdleAfter below zero count as zero.
func NewPool[K comparable](ctx context.Context, open func(context.Context, K) (*Grant, error), cfg PoolConfig) *Pool[K] {
	if cfg.MaxLive <= 0 {
		cfg.MaxLive = defaultMaxLive
	}
	if cfg.IdleAfter <= 0 {
		cfg.IdleAfter = defaultIdleAfter
	}
	p := &Pool[K]{
		open: open, cfg: cfg,
		entries: map[K]*entry[K]{}, leaving: map[K]<-chan struct{}{}, queue: list.New(), idle: list.New(),
	}
	p.life, p.end = context.WithCancelCause(ctx)
	return p
}

// Use calls f with the grant of key, which is not closed while f runs. It waits, on ctx, for the grant to be opened and, where MaxLive grants are all in use,
// for one of them; whoever waits longest is first. It gives the error of open, which is not remembered, of f, of ctx, or ErrClosed. f must not keep the
// grant. An f that uses another key of the pool needs a second place: it may have to wait for callers that do the same.
func (p *Pool[K]) Use(ctx context.Context, key K, f func(*Grant) error) error {
	if ctx == nil {
		return errNilContext
	}
	e, err := p.take(ctx, key)
	if err != nil {
		return err
	}
	defer p.leave(e)
	select {
	case <-e.ready: // whatever ctx
	default:
		select {
		case <-e.ready:
		case <-ctx.Done():
			return ended(ctx)
		case <-p.life.Done():
			return p.closedError()
		}
	}
	if e.err != nil {
		return e.err
	}
	return f(e.grant)
}

// PrepareRequest is Grant.PrepareRequest on the grant of key.
func (p *Pool[K]) PrepareRequest(ctx context.Context, key K, h http.Header) error {
	return p.Use(ctx, key, func(g *Grant) error { return g.PrepareRequest(ctx, h) })
}

// Forget takes the grant of key out of the pool and closes it when nobody uses it any more. It does not block. The next Use opens another.
func (p *Pool[K]) Forget(key K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[key]; e != nil && e.queued == nil {
		p.remove(e)
	}
}

// Close lets no Use begin, ends the pool's ctx, waits for those that run, and closes every grant. It is idempotent and returns nil. It must not be called from
// within Use.
func (p *Pool[K]) Close() error {
	p.mu.Lock()
	p.closed = true
	if p.sweep != nil && p.sweep.Stop() {
		p.wg.Done()
	}
	p.sweep = nil
	p.end(ErrClosed)
	for _, e := range p.entries {
		p.remove(e)
	}
	p.mu.Unlock()
	p.wg.Wait()
	return nil
}

func (p *Pool[K]) closedError() error {
	if cause := context.Cause(p.life); cause != nil && !errors.Is(cause, ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, cause)
	}
	return ErrClosed
}

// ended gives the cause of the end of ctx, as an error that is also ctx.Err().
func ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, ctx.Err()) {
		return cause
	}
	return fmt.Errorf("%w: %w", ctx.Err(), cause)
}

// take gives the entry of key, counted as in use. It does not block.
func (p *Pool[K]) take(ctx context.Context, key K) (*entry[K], error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.life.Err() != nil {
		return nil, p.closedError()
	}
	e := p.entries[key]
	if e == nil {
		if ctx.Err() != nil {
			return nil, ended(ctx)
		}
		e = &entry[K]{key: key, ready: make(chan struct{})}
		p.entries[key] = e
		p.seat(e)
	}
	p.wg.Add(1)
	e.users++
	p.wake(e)
	return e, nil
}

// leave ends a use.
func (p *Pool[K]) leave(e *entry[K]) {
	defer p.wg.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	switch {
	case e.queued != nil: // nobody waits for it any more
		p.queue.Remove(e.queued)
		p.drop(e)
	case e.gone:
		p.dismiss(e)
	default:
		e.since = time.Now()
		e.resting = p.idle.PushBack(e)
		p.makeRoom()
		p.arm()
	}
}

// The pool is locked in everything below, except where it says otherwise.

// seat gives a new entry its place, or a place in the queue.
func (p *Pool[K]) seat(e *entry[K]) {
	if p.live < p.cfg.MaxLive {
		p.live++
		p.begin(e)
		return
	}
	e.queued = p.queue.PushBack(e)
	p.makeRoom()
}

// makeRoom closes idle grants until as many places become free as are waited for.
func (p *Pool[K]) makeRoom() {
	for p.closing < p.queue.Len() && p.idle.Len() > 0 {
		p.remove(p.longestIdle())
	}
}

// free passes a place on.
func (p *Pool[K]) free() {
	next := p.queue.Front()
	if next == nil || p.closed {
		p.live--
		return
	}
	e := p.queue.Remove(next).(*entry[K])
	e.queued = nil
	p.begin(e)
}

// begin opens the grant of an entry that has a place, once the one before has been closed.
func (p *Pool[K]) begin(e *entry[K]) {
	e.users++
	p.wg.Add(1) // for leave
	before := p.leaving[e.key]
	p.wg.Go(func() {
		if before != nil {
			<-before
		}
		p.fill(e)
	})
}

var errNoGrant = errors.New("oauth2grant: the pool's open gave neither a grant nor an error")

// fill opens the grant of an entry. The pool is not locked.
func (p *Pool[K]) fill(e *entry[K]) {
	e.err = errNoGrant // also where open ends its goroutine
	defer func() {
		if e.err != nil {
			p.mu.Lock()
			p.remove(e)
			p.mu.Unlock()
		}
		p.leave(e) // first: who is told that it is ready is then its only user
		close(e.ready)
	}()
	grant, err := p.open(p.life, e.key)
	if err == nil && grant == nil {
		err = errNoGrant
	}
	e.grant, e.err = grant, err
}

// remove takes an entry out of the pool, and closes its grant if nobody uses it.
func (p *Pool[K]) remove(e *entry[K]) {
	p.drop(e)
	if e.resting != nil {
		p.wake(e)
		p.dismiss(e)
	}
}

func (p *Pool[K]) drop(e *entry[K]) {
	if !e.gone {
		e.gone = true
		delete(p.entries, e.key)
	}
}

func (p *Pool[K]) wake(e *entry[K]) {
	if e.resting != nil {
		p.idle.Remove(e.resting)
		e.resting = nil
	}
}

// dismiss closes the grant of an entry that nobody uses or will use, then frees its place.
func (p *Pool[K]) dismiss(e *entry[K]) {
	p.closing++
	done := make(chan struct{})
	before := p.leaving[e.key]
	p.leaving[e.key] = done
	p.wg.Go(func() {
		if e.grant != nil {
			_ = e.grant.Close()
		}
		if before != nil {
			<-before
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.leaving[e.key] == done {
			delete(p.leaving, e.key)
		}
		close(done)
		p.closing--
		p.free()
	})
}

func (p *Pool[K]) longestIdle() *entry[K] {
	return p.idle.Front().Value.(*entry[K])
}

// arm sets the timer for the grant that was idle for the longest.
func (p *Pool[K]) arm() {
	if p.closed || p.sweep != nil || p.idle.Len() == 0 {
		return
	}
	p.wg.Add(1)
	p.sweep = time.AfterFunc(time.Until(p.longestIdle().since.Add(p.cfg.IdleAfter)), p.closeIdle)
}

// closeIdle closes the grants that were idle for long enough. The pool is not locked.
func (p *Pool[K]) closeIdle() {
	defer p.wg.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.sweep = nil
	for p.idle.Len() > 0 && time.Since(p.longestIdle().since) >= p.cfg.IdleAfter {
		p.remove(p.longestIdle())
	}
	p.arm()
}
