package leasestore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/storetrial"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const keyText = "0123456789-very-marked-key-00000"

var (
	keys  = seal.Keys("k1", map[string][]byte{"k1": []byte(keyText)})
	older = oauth2grant.Token{AccessToken: "marked-secret-older", TokenType: "Bearer", RefreshToken: "marked-secret-r1"}
	newer = oauth2grant.Token{AccessToken: "marked-secret-newer", TokenType: "Bearer", RefreshToken: "marked-secret-r2"}
)

var errAway = errors.New("the database is away")

// shaky is a memory that can be taken away.
type shaky struct {
	*memory
	mu   sync.Mutex
	away bool
}

func (s *shaky) take(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

func (s *shaky) gone() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errAway
	}
	return nil
}

func (s *shaky) Load(ctx context.Context, key string) ([]byte, int64, error) {
	if err := s.gone(); err != nil {
		return nil, 0, err
	}
	return s.memory.Load(ctx, key)
}

func (s *shaky) Save(ctx context.Context, key string, c leasestore.Change) (bool, error) {
	if err := s.gone(); err != nil {
		return false, err
	}
	return s.memory.Save(ctx, key, c)
}

func (s *shaky) TryLock(ctx context.Context, key string, lease, notice time.Duration) (leasestore.Try, error) {
	if err := s.gone(); err != nil {
		return leasestore.Try{}, err
	}
	return s.memory.TryLock(ctx, key, lease, notice)
}

func (s *shaky) Extend(ctx context.Context, key string, fence int64, lease time.Duration) (bool, error) {
	if err := s.gone(); err != nil {
		return false, err
	}
	return s.memory.Extend(ctx, key, fence, lease)
}

func (s *shaky) Unlock(ctx context.Context, key string, fence int64) error {
	if err := s.gone(); err != nil {
		return err
	}
	return s.memory.Unlock(ctx, key, fence)
}

// process is a store with a family of its own, as another process has it.
type process struct {
	*leasestore.Store
	family *leasestore.Family
}

func (p process) Close() error { return p.family.Close() }

// marked returns t with a mark, as a grant makes it.
func marked(tb testing.TB, t oauth2grant.Token, mark string) oauth2grant.Token {
	tb.Helper()
	var with oauth2grant.Token
	must(tb, json.Unmarshal(
		fmt.Appendf(nil, `{"access_token":%q,"token_type":"Bearer","refresh_token":%q,"oauth2grant":{"v":1,"mark":%q}}`,
			t.AccessToken, t.RefreshToken, mark), &with))
	if with.Mark() != mark {
		tb.Fatalf("the mark is %q", with.Mark())
	}
	return with
}

func join(b leasestore.Backend, key string, cfg leasestore.Config) (process, error) {
	cfg.Name = "memory"
	family, err := leasestore.New(b, cfg)
	if err != nil {
		return process{}, err
	}
	return process{family.Store(key), family}, nil
}

func open(tb testing.TB, b leasestore.Backend, cfg leasestore.Config) process {
	tb.Helper()
	p, err := join(b, "alice", cfg)
	must(tb, err)
	return p
}

func TestConformance(t *testing.T) {
	for name, cfg := range map[string]leasestore.Config{"in clear": {}, "sealed": {Keys: keys}} {
		t.Run(name, func(t *testing.T) {
			backend := &shaky{memory: newMemory()}
			storetest.Run(t, storetest.Harness{
				Name:     name,
				Open:     func(place string) (oauth2grant.Store, error) { return join(backend, place, cfg) },
				Place:    func(tb testing.TB) string { tb.Helper(); return tb.Name() + time.Now().String() },
				Notifies: true,
				Answers:  true,
				Lease:    5 * time.Second,
				Secrets:  []string{keyText},
				Corrupt: func(place string, data []byte) error {
					return backend.do(context.Background(), place, func(r *leasestore.Record, _ time.Time) {
						r.Token = append([]byte{}, data...)
					})
				},
				LoseLease: func(place string) error {
					return backend.do(context.Background(), place, func(r *leasestore.Record, _ time.Time) {
						r.Unlock(r.Fence)
					})
				},
				Break: func(string) (func(), error) { backend.take(true); return func() { backend.take(false) }, nil },
			})
		})
	}
}

var (
	must  = storetrial.Must
	lock  = storetrial.Lock
	holds = storetrial.Holds
	fails = storetrial.Fails
)
