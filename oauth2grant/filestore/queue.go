package filestore

import (
	"context"
	"sync"
)

// queue is what all users of one place in this process share: who holds the
// lock, and who writes.
type queue struct {
	holding, writing turn

	// Guarded by queues.
	users int
	lease *lease // of the holder, if it is in this process
}

// turn is a mutex that honours a context.
type turn chan struct{}

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) give() { <-t }

var queues = struct {
	sync.Mutex
	at map[place]*queue
}{at: map[place]*queue{}}

// enter returns the queue of a place, which exists as long as somebody is in
// it.
func (p place) enter() (q *queue, leave func()) {
	queues.Lock()
	defer queues.Unlock()
	q = queues.at[p]
	if q == nil {
		q = &queue{holding: make(turn, 1), writing: make(turn, 1)}
		queues.at[p] = q
	}
	q.users++
	return q, func() {
		queues.Lock()
		defer queues.Unlock()
		if q.users--; q.users == 0 {
			delete(queues.at, p)
		}
	}
}

// hold notes the lease of the holder; nil: there is none.
func (q *queue) hold(l *lease) {
	queues.Lock()
	defer queues.Unlock()
	q.lease = l
}

// holder returns the lease of the holder.
func (q *queue) holder() *lease {
	queues.Lock()
	defer queues.Unlock()
	return q.lease
}
