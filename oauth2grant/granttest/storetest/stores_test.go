package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// world holds the memory stores by their place.
var world sync.Map

// memory is the smallest good Store. Its func fields break it.
type memory struct {
	*shared
	name string

	load   func(m *memory, ctx context.Context) (oauth2grant.Token, error)
	save   func(m *memory, ctx context.Context, t oauth2grant.Token) error
	remove func(m *memory, ctx context.Context) error
	lock   func(m *memory, ctx context.Context) (context.Context, func(), error)
}

type shared struct {
	oauth2grant.SingleProcess
	mu    sync.Mutex
	data  []byte
	fence int // of the newest holder
	away  bool

	subscribers sync.Map
}

type fenceKey struct{}

func openMemory(place string) *memory {
	s, _ := world.LoadOrStore(place, &shared{})
	return &memory{shared: s.(*shared), name: place}
}

func (m *memory) Load(ctx context.Context) (oauth2grant.Token, error) {
	if m.load != nil {
		return m.load(m, ctx)
	}
	if err := ctx.Err(); err != nil {
		return oauth2grant.Token{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return oauth2grant.Token{}, errAway
	}
	if m.data == nil {
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	}
	var t oauth2grant.Token
	if err := json.Unmarshal(m.data, &t); err != nil {
		return oauth2grant.Token{}, err
	}
	if t == (oauth2grant.Token{}) {
		return oauth2grant.Token{}, errors.New("corrupt")
	}
	return t, nil
}

func (m *memory) Save(ctx context.Context, t oauth2grant.Token) error {
	if m.save != nil {
		return m.save(m, ctx, t)
	}
	if t == (oauth2grant.Token{}) {
		return m.Delete(ctx)
	}
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return m.put(ctx, data)
}

func (m *memory) Delete(ctx context.Context) error {
	if m.remove != nil {
		return m.remove(m, ctx)
	}
	return m.put(ctx, nil)
}

func (m *memory) put(ctx context.Context, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	if fence, ok := ctx.Value(fenceKey{}).(int); ok && fence != m.fence {
		m.mu.Unlock()
		return errors.New("the lease was lost")
	}
	if m.away {
		m.mu.Unlock()
		return errAway
	}
	m.data = data
	m.mu.Unlock()
	m.tell()
	return nil
}

func (m *memory) Lock(ctx context.Context) (context.Context, func(), error) {
	if m.lock != nil {
		return m.lock(m, ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	away := m.away
	m.mu.Unlock()
	if away {
		return nil, nil, errAway
	}
	return m.SingleProcess.Lock(ctx)
}

var errAway = errors.New("the backend is away")

func takeAway(place string) (heal func(), err error) {
	m := openMemory(place)
	set := func(away bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.away = away
	}
	set(true)
	return func() { set(false) }, nil
}

// leased is a lock that can be lost, and so has a fence.
func leased(ctx context.Context, m *memory) (context.Context, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	_, unlock, err := m.SingleProcess.Lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fence++
	held, cancel := context.WithCancel(context.WithValue(ctx, fenceKey{}, m.fence))
	lose := sync.OnceFunc(func() { cancel(); unlock() })
	leases.Store(m.name, lose)
	return held, lose, nil
}

// leases has the func that takes the lease away, by place.
var leases sync.Map

func loseLease(place string) error {
	lose, ok := leases.Load(place)
	if !ok {
		return errors.New("nobody holds a lease")
	}
	lose.(func())()
	return nil
}

func (m *memory) tell() {
	m.subscribers.Range(func(_, s any) bool { s.(interface{ wake() }).wake(); return true })
}

func corrupt(place string, data []byte) error {
	m := openMemory(place)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data = append([]byte{}, data...)
	return nil
}

// memoryHarness tests a memory store that adjust has changed.
func memoryHarness(adjust func(m *memory)) Harness {
	return Harness{
		Name: "memory",
		Open: func(place string) (oauth2grant.Store, error) {
			m := openMemory(place)
			if adjust != nil {
				adjust(m)
			}
			return m, nil
		},
		Place:   func(tb testing.TB) string { tb.Helper(); return tb.TempDir() },
		Corrupt: corrupt,
		Break:   takeAway,
	}
}

func (m *memory) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("memory")) }

func (m *memory) MarshalText() ([]byte, error) { return []byte("memory"), nil }

// turns has the turn of the lock that is released twice, by place.
var turns sync.Map

// intact returns m without what breaks it.
func intact(m *memory) *memory { return &memory{shared: m.shared, name: m.name} }

func loads(f func(*memory, context.Context) (oauth2grant.Token, error)) Harness {
	return memoryHarness(func(m *memory) { m.load = f })
}

func saves(f func(*memory, context.Context, oauth2grant.Token) error) Harness {
	return memoryHarness(func(m *memory) { m.save = f })
}

func locks(f func(*memory, context.Context) (context.Context, func(), error)) Harness {
	return memoryHarness(func(m *memory) { m.lock = f })
}

func losing(f func(*memory, context.Context) (context.Context, func(), error)) Harness {
	h := locks(f)
	h.LoseLease = loseLease
	return h
}

// notifies tests a notifier like n.
func notifies(n notifier, said bool) Harness {
	h := memoryHarness(nil)
	h.Notifies = said
	h.Open = func(place string) (oauth2grant.Store, error) {
		n := n
		n.memory = openMemory(place)
		return n, nil
	}
	return h
}
