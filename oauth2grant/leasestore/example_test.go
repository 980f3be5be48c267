package leasestore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
)

// memory is a Backend over a map.
type memory struct {
	mu      sync.Mutex
	records map[string]*leasestore.Record
	watches map[chan string]bool
}

// do runs one rule on the record of a key, in one step.
func (m *memory) do(ctx context.Context, key string, rule func(r *leasestore.Record, now time.Time)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[key] == nil {
		m.records[key] = &leasestore.Record{}
	}
	rule(m.records[key], time.Now())
	return ctx.Err()
}

func (m *memory) Load(ctx context.Context, key string) (token []byte, version int64, err error) {
	err = m.do(ctx, key, func(r *leasestore.Record, _ time.Time) { token, version = r.Token, r.Version })
	return token, version, err
}

func (m *memory) Save(ctx context.Context, key string, c leasestore.Change) (saved bool, err error) {
	err = m.do(ctx, key, func(r *leasestore.Record, now time.Time) {
		saved = r.Change(c, now)
		for changed := range m.watches {
			if saved && c.Mark == "" {
				changed <- key
			}
		}
	})
	return saved, err
}

func (m *memory) TryLock(ctx context.Context, key string, lease, notice time.Duration) (try leasestore.Try, err error) {
	err = m.do(ctx, key, func(r *leasestore.Record, now time.Time) { try = r.TryLock(now, lease, notice) })
	return try, err
}

func (m *memory) Extend(ctx context.Context, key string, fence int64, lease time.Duration) (extended bool, err error) {
	err = m.do(ctx, key, func(r *leasestore.Record, now time.Time) { extended = r.Extend(fence, now, lease) })
	return extended, err
}

func (m *memory) Unlock(ctx context.Context, key string, fence int64) error {
	return m.do(ctx, key, func(r *leasestore.Record, _ time.Time) { r.Unlock(fence) })
}

func (m *memory) Watch(ctx context.Context, ready func(), changed func(key string)) error {
	changes := make(chan string, 1000)
	m.mu.Lock()
	m.watches[changes] = true
	m.mu.Unlock()
	ready()
	for {
		select {
		case key := <-changes:
			changed(key)
		case <-ctx.Done():
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.watches, changes)
			return ctx.Err()
		}
	}
}

func (m *memory) Check(context.Context) error { return nil }

func newMemory() *memory {
	return &memory{records: map[string]*leasestore.Record{}, watches: map[chan string]bool{}}
}

func ExampleBackend() {
	family, err := leasestore.New(newMemory(), leasestore.Config{Name: "memory"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer family.Close()

	ctx := context.Background()
	store := family.Store("alice")
	held, unlock, err := store.Lock(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(store.Save(held, oauth2grant.Token{AccessToken: "secret", TokenType: "Bearer"}))
	unlock()
	fmt.Println(errors.Is(store.Save(held, oauth2grant.Token{}), oauth2grant.ErrLockLost))
	fmt.Println(store.Load(ctx))
	// Output:
	// <nil>
	// true
	// Token{type "Bearer", access [redacted]} <nil>
}
