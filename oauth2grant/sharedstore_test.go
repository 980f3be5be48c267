package oauth2grant_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"golang.org/x/sync/semaphore"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

var (
	errStoreDown = errors.New("the store is down")
	errLeaseLost = errors.New("the lease is lost")
)

// backend is what several stores share, as processes share a file or a
// database.
type backend struct {
	turn *semaphore.Weighted

	mu     sync.Mutex
	token  oauth2grant.Token
	full   bool
	fence  int                     // of the last lock taken
	saves  []oauth2grant.Token     // in order
	lose   context.CancelCauseFunc // takes the lease from its holder
	notify map[int]func()

	// faults, asked before each call; nil: none
	onLoad, onSave, onLock func() error
}

func newBackend() *backend {
	return &backend{turn: semaphore.NewWeighted(1), notify: map[int]func(){}}
}

func (b *backend) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func (b *backend) get() oauth2grant.Token {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.token
}

// loseAnswers lets the mark of the next refresh through and no other write.
func (b *backend) loseAnswers() {
	marked := false
	b.set(func() {
		b.onSave = func() error {
			if !marked {
				marked = true
				return nil
			}
			return errStoreDown
		}
	})
}

// same reports whether two tokens are one, whatever travels with them.
func same(a, b oauth2grant.Token) bool {
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}

// loseLease ends the lease of the holder and lets the next one in.
func (b *backend) loseLease() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fence++
	b.lose(errLeaseLost)
}

// store is one process's view of a backend.
type store struct{ b *backend }

type fenceKey struct{}

func ask(fault func() error) error {
	if fault == nil {
		return nil
	}
	return fault()
}

func (s store) Load(ctx context.Context) (oauth2grant.Token, error) {
	s.b.mu.Lock()
	fault := s.b.onLoad
	s.b.mu.Unlock()
	if err := errors.Join(ctx.Err(), ask(fault)); err != nil {
		return oauth2grant.Token{}, err
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if !s.b.full {
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	}
	return s.b.token, nil
}

func (s store) Save(ctx context.Context, t oauth2grant.Token) error { return s.write(ctx, t, true) }

func (s store) Delete(ctx context.Context) error {
	return s.write(ctx, oauth2grant.Token{}, false)
}

func (s store) write(ctx context.Context, t oauth2grant.Token, full bool) error {
	s.b.mu.Lock()
	fault := s.b.onSave
	s.b.mu.Unlock()
	if err := errors.Join(ctx.Err(), ask(fault)); err != nil {
		return err
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if fence, ok := ctx.Value(fenceKey{}).(int); ok && fence != s.b.fence {
		return errLeaseLost
	}
	s.b.token, s.b.full = t, full
	s.b.saves = append(s.b.saves, t)
	for _, changed := range s.b.notify {
		changed()
	}
	return nil
}

func (s store) Lock(ctx context.Context) (context.Context, func(), error) {
	s.b.mu.Lock()
	fault := s.b.onLock
	s.b.mu.Unlock()
	if err := ask(fault); err != nil {
		return nil, nil, err
	}
	if err := s.b.turn.Acquire(ctx, 1); err != nil {
		return nil, nil, err
	}
	var once sync.Once
	release := func() { once.Do(func() { s.b.turn.Release(1) }) }
	held, cancel := context.WithCancelCause(ctx)
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.fence++
	held = context.WithValue(held, fenceKey{}, s.b.fence)
	s.b.lose = func(cause error) { cancel(cause); release() }
	return held, func() { cancel(nil); release() }, nil
}

// notifying is a store that tells of changes.
type notifying struct {
	store
	id int
}

func (n notifying) Notify(changed func()) (stop func()) {
	n.b.set(func() { n.b.notify[n.id] = changed })
	return func() { n.b.set(func() { delete(n.b.notify, n.id) }) }
}

// newGrant makes a grant that is closed with the test.
func newGrant(t *testing.T, flow oauth2grant.Flow, cfg oauth2grant.Config) *oauth2grant.Grant {
	t.Helper()
	g, err := oauth2grant.New(t.Context(), flow, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}
