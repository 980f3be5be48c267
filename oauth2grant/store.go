package oauth2grant

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Store keeps one token, bound to it by its constructor, beyond the life of a
// [Grant]. Package granttest/storetest holds any implementation to this
// contract. All methods are safe for concurrent use and return when ctx ends.
type Store interface {
	// Load returns the token, or [ErrNoToken] when there is none. Any other
	// error means that the store can't say.
	Load(ctx context.Context) (Token, error)
	// Save replaces the token; it is durable when Save returns nil. With a ctx
	// that descends from Lock's held it fails once that lock was lost.
	Save(ctx context.Context, t Token) error
	// Delete removes the token; it is no error when there is none.
	Delete(ctx context.Context) error
	// Lock waits until no other holder is left, in this process or any other
	// that shares the store. held descends from ctx, carries the fence for Save
	// and Delete, and ends when the lease is lost. unlock may be called more
	// than once, and after held has ended.
	Lock(ctx context.Context) (held context.Context, unlock func(), err error)
}

// Notifier is what a [Store] may implement in addition, if it learns of the
// changes that others make. A family of stores shares one subscription.
type Notifier interface {
	// Notify calls changed, which does not block, after somebody else may have
	// changed the token, until stop is called; stop waits for a call under way.
	// It returns at once and connects, if it must, in the background.
	Notify(changed func()) (stop func())
}

// AnswerSaver is what a [Store] implements in addition, if its lock can be lost
// while the holder lives: one with leases. Before a grant sends a refresh token
// that the server may rotate, it saves the stored token once more, under the
// lock, with a mark ([Token.Mark]): somebody is sending it. Saving a mark
// notifies nobody. A Store that wraps another must pass on the optional
// interfaces of that one: without SaveAnswer an answer cannot be saved once the
// lock is lost. The mark lives while its holder keeps the lock, and for 10 s or
// the lease, whichever is longer, after the holder was last heard of, on the
// store's own clock; until the mark is gone or dead, Lock does not return to
// anybody else.
type AnswerSaver interface {
	// SaveAnswer replaces the token by t, which the server issued for the
	// request that bears mark: without the lock, whatever the fence, and
	// exactly while the stored token still carries mark, in one step. The zero
	// t deletes it. If the stored token does not carry mark, SaveAnswer changes
	// nothing and returns [ErrLockLost]. It notifies as Save does.
	SaveAnswer(ctx context.Context, mark string, t Token) error
}

// SingleProcess is the Lock of a [Store] that no other process shares: embed
// it. It excludes the other holders in this process, and only those. Its zero
// value is ready for use, and it must not be copied.
type SingleProcess struct {
	once sync.Once
	sem  *semaphore.Weighted
}

// Lock waits for the other holders in this process. The lease is never lost.
func (l *SingleProcess) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	l.once.Do(func() { l.sem = semaphore.NewWeighted(1) })
	if err := l.sem.Acquire(ctx, 1); err != nil {
		return nil, nil, err
	}
	var once sync.Once
	return ctx, func() { once.Do(func() { l.sem.Release(1) }) }, nil
}

// memoryStore is the Store of a grant that was given none.
type memoryStore struct {
	SingleProcess
	mu    sync.Mutex
	token Token
}

func (s *memoryStore) Load(context.Context) (Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == (Token{}) {
		return Token{}, ErrNoToken
	}
	return s.token, nil
}

func (s *memoryStore) Save(_ context.Context, t Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = t
	return nil
}

func (s *memoryStore) Delete(ctx context.Context) error { return s.Save(ctx, Token{}) }
