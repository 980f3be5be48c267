package leasestore_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
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

// slow is a memory each exchange with which waits for so many nanoseconds
// before it is carried out, or until its context ends: in a queue for
// connections, say.
type slow struct {
	*memory
	by *atomic.Int64
}

func slowly(by time.Duration) slow {
	s := slow{newMemory(), new(atomic.Int64)}
	s.by.Store(int64(by))
	return s
}

func (s slow) wait(ctx context.Context) error {
	select {
	case <-time.After(time.Duration(s.by.Load())):
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (s slow) Load(ctx context.Context, key string) ([]byte, int64, error) {
	if err := s.wait(ctx); err != nil {
		return nil, 0, err
	}
	return s.memory.Load(ctx, key)
}

func (s slow) Save(ctx context.Context, key string, c leasestore.Change) (bool, error) {
	if err := s.wait(ctx); err != nil {
		return false, err
	}
	return s.memory.Save(ctx, key, c)
}

func (s slow) TryLock(ctx context.Context, key string, lease, notice time.Duration) (leasestore.Try, error) {
	if err := s.wait(ctx); err != nil {
		return leasestore.Try{}, err
	}
	return s.memory.TryLock(ctx, key, lease, notice)
}

func (s slow) Extend(ctx context.Context, key string, fence int64, lease time.Duration) (bool, error) {
	if err := s.wait(ctx); err != nil {
		return false, err
	}
	return s.memory.Extend(ctx, key, fence, lease)
}

func (s slow) Unlock(ctx context.Context, key string, fence int64) error {
	return errors.Join(s.wait(ctx), s.memory.Unlock(ctx, key, fence))
}

func TestLock_ABusyMachineIsNoOutage(t *testing.T) {
	for _, c := range []struct{ lease, exchange time.Duration }{
		{time.Second, 400 * time.Millisecond},
		{3 * time.Second, 1100 * time.Millisecond},
		{0, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, slowly(c.exchange), leasestore.Config{Lease: c.lease})
			defer s.Close()
			must(t, s.Save(t.Context(), older))
			held, unlock := lock(t, s)
			defer unlock()
			holds(t, s, older)
			must(t, held.Err())
			must(t, s.Save(held, marked(t, older, "m")))
			time.Sleep(time.Minute)
			must(t, held.Err())
			must(t, s.SaveAnswer(t.Context(), "m", newer))
			holds(t, s, newer)
		})
	}
}

func TestLock_AMarkOutlivesABusyMachine(t *testing.T) {
	for _, c := range []struct{ lease, exchange time.Duration }{
		{time.Second, 400 * time.Millisecond},
		{0, 1700 * time.Millisecond},
		{0, 2900 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			busy := slowly(0)
			s := open(t, busy, leasestore.Config{Lease: c.lease})
			other := open(t, busy.memory, leasestore.Config{Lease: c.lease})
			defer s.Close()
			defer other.Close()
			held, unlock := lock(t, s)
			must(t, s.Save(held, marked(t, older, "m")))
			busy.by.Store(int64(c.exchange))
			ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
			defer cancel()
			_, _, err := other.Lock(ctx)
			fails(t, err, context.DeadlineExceeded)
			must(t, s.SaveAnswer(t.Context(), "m", newer))
			unlock()
		})
	}
}

func TestLock_OfAKilledHolderIsFreeOnASlowDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := slowly(0)
		link := partitioned(database.memory)
		killed, s := open(t, link, leasestore.Config{}), open(t, database, leasestore.Config{Lease: 6 * time.Second})
		defer killed.Close()
		defer s.Close()
		held, unlock := lock(t, killed)
		defer unlock()
		must(t, killed.Save(held, marked(t, older, "m")))
		link.take(true)
		database.by.Store(int64(2900 * time.Millisecond))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		_, release, err := s.Lock(ctx)
		must(t, err)
		release()
	})
}

func TestLock_ThatIsOverIsNotGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		database := slowly(2 * time.Second)
		s := open(t, database, leasestore.Config{Lease: time.Second})
		defer s.Close()
		_, _, err := s.Lock(t.Context())
		fails(t, err, context.DeadlineExceeded)
		database.by.Store(0)
		began := time.Now()
		_, unlock := lock(t, s)
		unlock()
		if took := time.Since(began); took > 0 {
			t.Errorf("it was free after %v", took)
		}
	})
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
