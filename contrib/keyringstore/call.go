package keyringstore

import (
	"context"
	"sync"
)

var (
	// turn is had by the one call of this process that is in the keyring:
	// go-keyring mixes up the prompts of several.
	turn = make(chan struct{}, 1)
	// jobs are the goroutines of calls, also of those that nobody waits for any
	// more.
	jobs sync.WaitGroup
)

// call runs job when it is its turn. The caller leaves when ctx ends; job then
// goes on until the keyring answers.
func call[T any](ctx context.Context, job func(context.Context) (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return none, unanswered(ctx)
	}
	type result struct {
		value T
		err   error
	}
	answer := make(chan result, 1)
	jobs.Go(func() {
		defer func() { <-turn }()
		value, err := job(ctx)
		answer <- result{value, err}
	})
	select {
	case r := <-answer:
		return r.value, r.err
	case <-ctx.Done():
		return none, unanswered(ctx)
	}
}

// lease is one holding of the lock.
type lease struct {
	mu      sync.Mutex
	changes int // under way with it
	ended   bool
	release func()
}

// leaseKey finds the lease of one lock file in a context.
type leaseKey struct{ path string }

// begin counts a change; end must follow. A nil lease counts nothing.
func (l *lease) begin() {
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.changes++
	}
}

func (l *lease) end() {
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.changes--; l.changes == 0 && l.ended {
			l.release()
		}
	}
}

// unlock releases the lock, once no change is under way.
func (l *lease) unlock() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	if l.ended = true; l.changes == 0 {
		l.release()
	}
}
