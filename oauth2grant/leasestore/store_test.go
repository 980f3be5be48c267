package leasestore_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	for name, cfg := range map[string]leasestore.Config{
		"a lease that is too short": {Lease: time.Millisecond},
		"a negative lease":          {Lease: -1},
		"a key that is missing":     {Keys: seal.Keys("k9", nil)},
		"a key that is too short":   {Keys: seal.Keys("k1", map[string][]byte{"k1": []byte("short")})},
	} {
		t.Run(name, func(t *testing.T) {
			if f, err := leasestore.New(newMemory(), cfg); err == nil {
				t.Errorf("New returned %v", f)
			}
		})
	}
}

func TestSave_WithAMark(t *testing.T) {
	shared := newMemory()
	s, other := open(t, shared, leasestore.Config{}), open(t, shared, leasestore.Config{})
	defer s.Close()
	defer other.Close()
	fails(t, s.Save(t.Context(), marked(t, older, "m1")), oauth2grant.ErrLockLost)
	held, unlock := lock(t, s)
	must(t, errors.Join(
		s.Save(held, older),
		s.Save(held, marked(t, older, "m1")),
		s.SaveAnswer(t.Context(), "m1", newer), // not with held
		s.SaveAnswer(t.Context(), "m1", newer), // again, as if its outcome were unknown
		s.Save(held, marked(t, newer, "m2")),   // held is still good
	))
	fails(t, s.SaveAnswer(held, "m1", older), oauth2grant.ErrLockLost)
	must(t, s.Save(held, older))
	fails(t, s.SaveAnswer(held, "m2", newer), oauth2grant.ErrLockLost) // voided
	must(t, other.Save(t.Context(), newer))
	fails(t, s.Save(held, marked(t, older, "m3")), oauth2grant.ErrLockLost)
	holds(t, s, newer)
	unlock()
	fails(t, s.Save(context.WithoutCancel(held), marked(t, older, "m4")), oauth2grant.ErrLockLost)
}

func TestNotify_TellsNobodyOfAMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newMemory()
		s, other := open(t, shared, leasestore.Config{}), open(t, shared, leasestore.Config{})
		defer s.Close()
		defer other.Close()
		told := 0
		defer s.Notify(func() { told++ })()
		synctest.Wait()
		held, unlock := lock(t, other)
		defer unlock()
		told = 0
		must(t, other.Save(held, marked(t, older, "m1")))
		synctest.Wait()
		if told != 0 {
			t.Error("a mark is told")
		}
		must(t, errors.Join(other.SaveAnswer(held, "m1", newer), other.Delete(held)))
		synctest.Wait()
		if told != 2 {
			t.Errorf("an answer and a delete are told %d times", told)
		}
	})
}

func TestLoad_TellsASignOutFromAWipe(t *testing.T) {
	shared := newMemory()
	s := open(t, shared, leasestore.Config{})
	defer s.Close()
	must(t, errors.Join(s.Save(t.Context(), older), s.Delete(t.Context())))
	_, err := s.Load(t.Context())
	fails(t, err, oauth2grant.ErrSignedOut)
	clear(shared.records)
	_, err = s.Load(t.Context())
	if !errors.Is(err, oauth2grant.ErrNoToken) || errors.Is(err, oauth2grant.ErrSignedOut) {
		t.Errorf("Load returned %v", err)
	}
}

// checked is a Backend that a Check refuses.
type checked struct {
	*memory
	err   error
	times int
}

func (c *checked) Check(context.Context) error { c.times++; return c.err }

func TestLock_ChecksOnceThatAllIsWell(t *testing.T) {
	wrong := errors.New("change this")
	b := &checked{memory: newMemory(), err: wrong}
	s := open(t, b, leasestore.Config{})
	defer s.Close()
	_, _, err := s.Lock(t.Context())
	fails(t, err, wrong)
	fails(t, s.family.Check(t.Context()), wrong)
	b.err = nil
	for range 3 {
		_, unlock := lock(t, s)
		unlock()
	}
	if b.times != 3 {
		t.Errorf("checked %d times", b.times)
	}
}

func TestStore_WaitsForKeysNoLongerThanForTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var silent atomic.Bool
		s := open(t, newMemory(), leasestore.Config{Keys: func(ctx context.Context, id string) (string, []byte, error) {
			if silent.Load() {
				<-ctx.Done()
				return "", nil, ctx.Err()
			}
			return keys(ctx, id)
		}})
		defer s.Close()
		must(t, s.Save(t.Context(), older))
		silent.Store(true)
		began := time.Now()
		_, err := s.Load(t.Context())
		fails(t, err, context.DeadlineExceeded)
		fails(t, s.Save(t.Context(), newer), context.DeadlineExceeded)
		if took := time.Since(began); took > 6*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
