package oauth2grant

import (
	"container/list"
	"context"
	"errors"
	"time"
)

// entry is one key's part in the pool: a place, or a turn in the queue for one.
// A key that is live and in use may have both, if a use came while others
// waited.
type entry[K comparable] struct {
	key K

	// Set before ready is closed, and read after that.
	grant  *Grant
	err    error
	joined *entry[K] // where its users are now: the turn found its key live

	// Guarded by Pool.mu.
	ready   chan struct{}           // closedChannel, once it was closed
	users   int                     // with the one that opens it
	queued  *list.Element           // in queue; nil: not any more
	resting *list.Element           // in idle; nil: in use, or leaving
	since   time.Time               // idle since
	end     context.CancelCauseFunc // of the grant's ctx; nil: not yet begun
	opening bool                    // open runs
	gone    bool                    // no longer in the pool: closed after its last use
}

// closedChannel is what an entry that is ready has instead of a channel of its
// own, which takes as much room as the rest of it.
var closedChannel = make(chan struct{})

func init() { close(closedChannel) }

var errKey = errors.New("oauth2grant: the key of a pool is not equal to itself")

// take returns an entry of key, counted as in use, and what is closed when it
// is ready. It does not block.
func (p *Pool[K]) take(ctx context.Context, key K) (e *entry[K], ready <-chan struct{}, err error) {
	if same := key; same != key { // a NaN would never be found again
		return nil, nil, errKey
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.life.Err() != nil {
		return nil, nil, p.closedError()
	}
	e = p.waiting[key]
	if e == nil {
		if e = p.live[key]; e != nil && p.crowdedLocked() {
			e = nil
		} else if e == nil && ctx.Err() != nil {
			return nil, nil, ended(ctx)
		}
	}
	if e == nil {
		e = &entry[K]{key: key, ready: make(chan struct{})}
		p.enqueueLocked(e)
	}
	p.wg.Add(1)
	e.users++
	p.wakeLocked(e)
	ready = e.ready
	p.serveLocked()
	return e, ready, nil
}

// readyOf returns what is closed when e is ready.
func (p *Pool[K]) readyOf(e *entry[K]) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return e.ready
}

// leave ends a use, wherever the turn that it began with has led.
func (p *Pool[K]) leave(e *entry[K]) {
	defer p.wg.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaveLocked(e)
}

func (p *Pool[K]) leaveLocked(e *entry[K]) {
	for e.joined != nil {
		e = e.joined
	}
	if e.users--; e.users > 0 {
		return
	}
	switch {
	case e.queued != nil: // nobody waits for it any more
		p.dequeueLocked(e)
		p.serveLocked()
	case e.gone:
		p.dismissLocked(e)
	default:
		e.since = time.Now()
		e.resting = p.idle.PushBack(e)
		p.serveLocked()
		p.armLocked()
	}
}

// crowdedLocked reports whether somebody waits for a place that only the end of
// a use can free. Then no use may begin before theirs.
func (p *Pool[K]) crowdedLocked() bool { return p.demand > p.closing }

// remove takes key out of m. A map keeps its room for ever, so an empty one is
// replaced.
func remove[K comparable, V any](m *map[K]V, key K) {
	if delete(*m, key); len(*m) == 0 {
		*m = map[K]V{}
	}
}

func (p *Pool[K]) enqueueLocked(e *entry[K]) {
	e.queued = p.queue.PushBack(e)
	p.waiting[e.key] = e
	if p.live[e.key] == nil {
		p.demand++
	}
}

func (p *Pool[K]) dequeueLocked(e *entry[K]) {
	p.queue.Remove(e.queued)
	e.queued = nil
	remove(&p.waiting, e.key)
	if p.live[e.key] == nil {
		p.demand--
	}
}

// serveLocked lets those at the head of the queue go on, as far as that is
// possible now, and closes idle grants for those that are left.
func (p *Pool[K]) serveLocked() {
	for next := p.queue.Front(); next != nil && !p.closed; next = p.queue.Front() {
		e := next.Value.(*entry[K])
		if live := p.live[e.key]; live != nil {
			p.dequeueLocked(e)
			p.joinLocked(e, live)
			continue
		}
		if p.places == p.cfg.MaxLive {
			break
		}
		p.dequeueLocked(e)
		p.places++
		p.beginLocked(e)
	}
	for p.closing < p.demand && p.idle.Len() > 0 {
		p.removeLocked(p.longestIdleLocked())
	}
}

// joinLocked moves the users of a turn to the live entry of their key.
func (p *Pool[K]) joinLocked(e, live *entry[K]) {
	p.wakeLocked(live)
	live.users += e.users
	e.users, e.joined = 0, live
	e.readyLocked()
}

// readyLocked lets those who wait for e go on.
func (e *entry[K]) readyLocked() {
	close(e.ready)
	e.ready = closedChannel
}

// beginLocked opens the grant of an entry that has a place, once the one before
// has been closed.
func (p *Pool[K]) beginLocked(e *entry[K]) {
	ctx, end := context.WithCancelCause(p.base)
	e.end, e.opening = end, true
	p.live[e.key] = e
	e.users++
	before := p.leaving[e.key]
	p.wg.Go(func() {
		if before != nil {
			<-before
		}
		p.fill(ctx, e)
	})
}

var errNoGrant = errors.New("oauth2grant: the pool's open returned neither a grant nor an error")

// fill opens the grant of an entry.
func (p *Pool[K]) fill(ctx context.Context, e *entry[K]) {
	e.err = errNoGrant // also where open ends its goroutine
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		e.opening = false
		if e.err == nil && ctx.Err() != nil { // by Close
			e.err = p.closedError()
		}
		if e.err != nil {
			p.removeLocked(e)
		}
		p.leaveLocked(e)
		e.readyLocked()
	}()
	grant, err := p.open(ctx, e.key)
	if err == nil && grant == nil {
		err = errNoGrant
	}
	e.grant, e.err = grant, err
}

// removeLocked takes a live entry out of the pool, and closes its grant if
// nobody uses it.
func (p *Pool[K]) removeLocked(e *entry[K]) {
	if !e.gone {
		e.gone = true
		remove(&p.live, e.key)
		if p.waiting[e.key] != nil {
			p.demand++
		}
	}
	if e.resting != nil {
		p.wakeLocked(e)
		p.dismissLocked(e)
	}
}

func (p *Pool[K]) wakeLocked(e *entry[K]) {
	if e.resting != nil {
		p.idle.Remove(e.resting)
		e.resting = nil
	}
}

// dismissLocked closes the grant of an entry that nobody uses or will use, then
// frees its place.
func (p *Pool[K]) dismissLocked(e *entry[K]) {
	p.closing++
	done := make(chan struct{})
	before := p.leaving[e.key]
	p.leaving[e.key] = done
	p.wg.Go(func() {
		if e.grant != nil {
			_ = e.grant.Close()
		}
		e.end(ErrClosed)
		if before != nil {
			<-before
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.leaving[e.key] == done {
			remove(&p.leaving, e.key)
		}
		close(done)
		p.closing--
		p.places--
		p.serveLocked()
	})
}

func (p *Pool[K]) longestIdleLocked() *entry[K] {
	return p.idle.Front().Value.(*entry[K])
}

// armLocked sets the timer for the grant that has been idle for the longest.
func (p *Pool[K]) armLocked() {
	if p.closed || p.sweep != nil || p.idle.Len() == 0 {
		return
	}
	p.wg.Add(1)
	p.sweep = time.AfterFunc(time.Until(p.longestIdleLocked().since.Add(p.cfg.IdleAfter)), p.closeIdle)
}

// closeIdle closes the grants that have been idle for long enough.
func (p *Pool[K]) closeIdle() {
	defer p.wg.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.sweep = nil
	for p.idle.Len() > 0 && time.Since(p.longestIdleLocked().since) >= p.cfg.IdleAfter {
		p.removeLocked(p.longestIdleLocked())
	}
	p.armLocked()
}
