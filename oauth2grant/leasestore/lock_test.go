package leasestore_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
)

// partitioned returns a view of a database that one process has, and can lose.
func partitioned(m *memory) *shaky { return &shaky{memory: m} }

func TestLock_OfAKilledHolderIsFreeInTime(t *testing.T) {
	for name, c := range map[string]struct {
		mark  bool
		comes time.Duration // after the kill
		most  time.Duration // that it waits
	}{
		"without a mark":                     {false, 0, 5500 * time.Millisecond},
		"with a mark":                        {true, 0, 10500 * time.Millisecond},
		"with a mark, to somebody who comes": {true, time.Minute, 3500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shared := newMemory()
				link := partitioned(shared)
				killed, other := open(t, link, leasestore.Config{}), open(t, shared, leasestore.Config{})
				defer other.Close()
				defer killed.Close()
				must(t, other.Save(t.Context(), older))
				held, unlock := lock(t, killed)
				defer unlock()
				if c.mark {
					must(t, killed.Save(held, marked(t, older, "m1")))
				}
				link.take(true)
				time.Sleep(c.comes)
				began := time.Now()
				newest, giveBack := lock(t, other)
				defer giveBack()
				if took := time.Since(began); took > c.most {
					t.Errorf("it took %v", took)
				}
				if held.Err() == nil {
					t.Error("two hold the lock")
				}
				fails(t, context.Cause(held), oauth2grant.ErrLockLost)
				must(t, other.Save(newest, newer))
				link.take(false)
				fails(t, killed.Save(context.WithoutCancel(held), older), oauth2grant.ErrLockLost)
				fails(t, killed.SaveAnswer(t.Context(), "m1", older), oauth2grant.ErrLockLost)
				holds(t, other, newer)
			})
		})
	}
}

func TestLock_WaitsForALivingMarkThroughAnOutage(t *testing.T) {
	for _, outage := range []time.Duration{time.Second, 9 * time.Second, 11 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			database := &shaky{memory: newMemory()}
			mine, other := open(t, database, leasestore.Config{}), open(t, database, leasestore.Config{})
			defer mine.Close()
			defer other.Close()
			must(t, mine.Save(t.Context(), older))
			held, unlock := lock(t, mine)
			must(t, mine.Save(held, marked(t, older, "m1")))
			database.take(true)
			time.Sleep(outage)
			database.take(false)
			got := make(chan oauth2grant.Token, 1)
			go func() {
				_, giveBack, err := other.Lock(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				defer giveBack()
				token, _ := other.Load(t.Context())
				got <- token
			}()
			time.Sleep(time.Minute) // the server takes its time to answer
			if len(got) > 0 {
				t.Fatalf("after %v somebody else has the lock", outage)
			}
			must(t, mine.SaveAnswer(t.Context(), "m1", newer))
			unlock()
			if token := <-got; token != newer {
				t.Errorf("after %v the next holder finds %v", outage, token)
			}
		})
	}
}

func TestLock_IsGivenInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, newMemory(), leasestore.Config{})
		defer s.Close()
		_, unlock := lock(t, s)
		var order []int
		ended := make(chan struct{})
		for n := range 20 {
			go func() {
				_, unlock, err := s.Lock(t.Context())
				if err != nil {
					t.Error(err)
				}
				order = append(order, n)
				unlock()
				ended <- struct{}{}
			}()
			synctest.Wait()
		}
		unlock()
		for range 20 {
			<-ended
		}
		if !slices.IsSorted(order) {
			t.Errorf("the order is %v", order)
		}
	})
}

func TestLock_LastsAsLongAsItsHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := newMemory()
		s, other := open(t, shared, leasestore.Config{}), open(t, shared, leasestore.Config{})
		defer s.Close()
		defer other.Close()
		ctx, cancel := context.WithCancel(t.Context())
		held, unlock, err := s.Lock(ctx)
		must(t, err)
		time.Sleep(time.Hour)
		must(t, held.Err())
		cancel() // the lease goes on until unlock
		time.Sleep(time.Hour)
		waits, leave := context.WithTimeout(t.Context(), time.Minute)
		defer leave()
		_, _, err = other.Lock(waits)
		fails(t, err, context.DeadlineExceeded)
		unlock()
		unlock()
		fails(t, context.Cause(held), context.Canceled)
		_, unlock = lock(t, other)
		unlock()
	})
}

// slow is a memory on a machine that is so busy that each exchange takes 2 s,
// but for those that extend a lease.
type slow struct{ *memory }

func (s slow) TryLock(ctx context.Context, key string, lease, notice time.Duration) (leasestore.Try, error) {
	try, err := s.memory.TryLock(ctx, key, lease, notice)
	time.Sleep(2 * time.Second)
	return try, errors.Join(err, ctx.Err())
}

func (s slow) Load(ctx context.Context, key string) ([]byte, int64, error) {
	time.Sleep(2 * time.Second)
	token, version, err := s.memory.Load(ctx, key)
	return token, version, errors.Join(err, ctx.Err())
}

func TestLock_ABusyMachineIsNoOutage(t *testing.T) {
	for _, lease := range []time.Duration{0, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, slow{newMemory()}, leasestore.Config{Lease: lease})
			defer s.Close()
			held, unlock := lock(t, s)
			defer unlock()
			time.Sleep(time.Minute)
			must(t, held.Err())
			must(t, s.Save(held, newer))
			holds(t, s, newer)
		})
	}
}

func TestHeld_EndsWhenTheDatabaseIsWipedOrAway(t *testing.T) {
	for name, c := range map[string]struct {
		lose func(s *shaky)
		most time.Duration
	}{
		"wiped": {func(s *shaky) {
			s.memory.mu.Lock()
			defer s.memory.mu.Unlock()
			clear(s.records)
		}, 2 * time.Second},
		"away": {func(s *shaky) { s.take(true) }, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				database := &shaky{memory: newMemory()}
				s := open(t, database, leasestore.Config{})
				defer s.Close()
				held, unlock := lock(t, s)
				defer unlock()
				began := time.Now()
				c.lose(database)
				<-held.Done()
				if took := time.Since(began); took > c.most {
					t.Errorf("it took %v", took)
				}
				fails(t, context.Cause(held), oauth2grant.ErrLockLost)
			})
		})
	}
}

func TestClose_EndsLocksAndLetsTokensBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, newMemory(), leasestore.Config{})
		s.Notify(func() {})
		held, unlock := lock(t, s)
		must(t, errors.Join(s.family.Close(), s.family.Close()))
		fails(t, context.Cause(held), leasestore.ErrClosed)
		must(t, s.Save(context.WithoutCancel(held), newer)) // a refreshed token must not be lost
		unlock()
		_, _, err := s.Lock(t.Context())
		fails(t, err, leasestore.ErrClosed)
		s.Notify(func() { t.Error("told after Close") })()
		holds(t, s, newer)
	})
}
