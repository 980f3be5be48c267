package oauth2grant

import (
	"container/list"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// Pool keeps one grant per key, made on demand, a bounded number live: for a service that acts for many users. Give each grant a Store, so that its token
// outlives its place in the pool, and one shared Client, so that connections and discovery exist once. All methods are safe for concurrent use.
type Pool[K comparable] struct {
	open func(context.Context, K) (*Grant, error)
	cfg  PoolConfig

	life  context.Context
	end   context.CancelCauseFunc
	wg    sync.WaitGroup
	slots *semaphore.Weighted // one per live grant

	mu      sync.Mutex
	closed  bool
	entries map[K]*entry[K]
	idle    *list.List // of entries that nobody uses, the longest idle first
	waiting int        // for a slot
	sweep   *time.Timer
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

// entry is one key's place in the pool.
type entry[K comparable] struct {
	key   K
	ready chan struct{} // closed when grant and err are set
	grant *Grant
	err   error

	// guarded by Pool.mu
	users   int
	since   time.Time     // idle since
	element *list.Element // in idle; nil: in use, or leaving
	gone    bool          // no longer in the pool: closed when the last user leaves
}

// NewPool makes a pool. open makes the grant of a key, and must give each key its own; its ctx is that of the pool's life, and so right for New. It does
// nothing yet. MaxLive and IdleAfter below zero count as zero.
func NewPool[K comparable](ctx context.Context, open func(context.Context, K) (*Grant, error), cfg PoolConfig) *Pool[K] {
	if cfg.MaxLive <= 0 {
		cfg.MaxLive = defaultMaxLive
	}
	if cfg.IdleAfter <= 0 {
		cfg.IdleAfter = defaultIdleAfter
	}
	p := &Pool[K]{open: open, cfg: cfg, entries: map[K]*entry[K]{}, idle: list.New(), slots: semaphore.NewWeighted(int64(cfg.MaxLive))}
	p.life, p.end = context.WithCancelCause(ctx)
	return p
}

// Use calls f with the grant of key, which is not closed while f runs. It waits, on ctx, for the grant to be opened and, where MaxLive grants are all in use,
// for one of them. It gives the error of open, of f, of ctx, or ErrClosed. f must not keep the grant.
func (p *Pool[K]) Use(ctx context.Context, key K, f func(*Grant) error) error {
	if ctx == nil {
		return errNilContext
	}
	e, err := p.take(ctx, key)
	if err != nil {
		return err
	}
	defer p.put(e)
	select {
	case <-e.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
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

// Forget takes the grant of key out of the pool and closes it when nobody uses it any more. The next Use opens another.
func (p *Pool[K]) Forget(key K) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[key]; e != nil {
		p.remove(e)
	}
}

// Close lets no Use begin, ends the pool's ctx, waits for those that run, and closes every grant. It is idempotent and returns nil. It must not be called from
// within Use.
func (p *Pool[K]) Close() error {
	p.mu.Lock()
	if p.sweep != nil {
		p.sweep.Stop()
	}
	p.closed = true
	for _, e := range p.entries {
		p.remove(e)
	}
	p.mu.Unlock()
	p.end(ErrClosed)
	p.wg.Wait()
	return nil
}

// take gives the entry of key, counted as in use.
func (p *Pool[K]) take(ctx context.Context, key K) (*entry[K], error) {
	if e, err := p.lookUp(key); e != nil || err != nil {
		return e, err
	}
	if err := p.slot(ctx); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.entries[key]; e != nil || p.closed { // somebody was faster
		p.slots.Release(1)
		if p.closed {
			return nil, ErrClosed
		}
		p.use(e)
		return e, nil
	}
	e := &entry[K]{key: key, ready: make(chan struct{}), users: 2} // the caller, and who opens it
	p.entries[key] = e
	p.wg.Add(1)
	p.wg.Go(func() { p.fill(e) })
	return e, nil
}

func (p *Pool[K]) lookUp(key K) (*entry[K], error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.life.Err() != nil {
		return nil, ErrClosed
	}
	e := p.entries[key]
	if e != nil {
		p.use(e)
	}
	return e, nil
}

// use counts a user. The pool is locked.
func (p *Pool[K]) use(e *entry[K]) {
	e.users++
	p.wg.Add(1)
	if e.element != nil {
		p.idle.Remove(e.element)
		e.element = nil
	}
}

// slot waits for the place of one more grant, and makes one by closing the grant that was idle for the longest.
func (p *Pool[K]) slot(ctx context.Context) error {
	if p.slots.TryAcquire(1) {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(p.life, func() { cancel(ErrClosed) })
	defer stop()
	p.mu.Lock()
	p.waiting++
	p.evict()
	p.mu.Unlock()
	err := p.slots.Acquire(ctx, 1)
	p.mu.Lock()
	p.waiting--
	p.mu.Unlock()
	if err != nil {
		return context.Cause(ctx)
	}
	return nil
}

// evict closes the grant that was idle for the longest, if there is one. The pool is locked.
func (p *Pool[K]) evict() {
	if oldest := p.idle.Front(); oldest != nil {
		p.remove(oldest.Value.(*entry[K])) //nolint:forcetypeassert // the list holds nothing else
	}
}

var errNoGrant = errors.New("oauth2grant: the pool's open gave neither a grant nor an error")

// fill opens the grant of an entry.
func (p *Pool[K]) fill(e *entry[K]) {
	e.err = errNoGrant // also where open ends its goroutine
	defer func() {
		if e.err != nil {
			p.mu.Lock()
			p.remove(e)
			p.mu.Unlock()
		}
		close(e.ready)
		p.leave(e)
	}()
	grant, err := p.open(p.life, e.key)
	if err == nil && grant == nil {
		err = errNoGrant
	}
	e.grant, e.err = grant, err
}

// put ends a use.
func (p *Pool[K]) put(e *entry[K]) {
	p.leave(e)
	p.wg.Done()
}

func (p *Pool[K]) leave(e *entry[K]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e.users--; e.users > 0 {
		return
	}
	if e.gone {
		p.dismiss(e)
		return
	}
	e.since = time.Now()
	e.element = p.idle.PushBack(e)
	if p.waiting > 0 {
		p.evict()
	}
	p.arm()
}

// remove takes an entry out of the pool, and closes its grant if nobody uses it. The pool is locked.
func (p *Pool[K]) remove(e *entry[K]) {
	if e.gone {
		return
	}
	e.gone = true
	delete(p.entries, e.key)
	if e.element != nil {
		p.idle.Remove(e.element)
		e.element = nil
		p.dismiss(e)
	}
}

// dismiss closes the grant of an entry that nobody uses or will use, then frees its slot. The pool is locked.
func (p *Pool[K]) dismiss(e *entry[K]) {
	p.wg.Go(func() {
		if e.grant != nil {
			_ = e.grant.Close()
		}
		p.slots.Release(1)
	})
}

// arm sets the timer for the grant that was idle for the longest. The pool is locked.
func (p *Pool[K]) arm() {
	if p.closed || p.sweep != nil || p.idle.Len() == 0 {
		return
	}
	oldest := p.idle.Front().Value.(*entry[K]) //nolint:forcetypeassert // the list holds nothing else
	p.sweep = time.AfterFunc(time.Until(oldest.since.Add(p.cfg.IdleAfter)), p.closeIdle)
}

// closeIdle closes the grants that were idle for long enough.
func (p *Pool[K]) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep = nil
	if p.closed {
		return
	}
	for front := p.idle.Front(); front != nil; front = p.idle.Front() {
		e := front.Value.(*entry[K]) //nolint:forcetypeassert // the list holds nothing else
		if time.Since(e.since) < p.cfg.IdleAfter {
			break
		}
		p.remove(e)
	}
	p.arm()
}
