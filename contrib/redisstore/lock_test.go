package redisstore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestAHeldLockOutlivesItsLease(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	held, _ := lock(t, s)
	must(t, raw.PExpire(t.Context(), "oauth2grant:{alice}:lock", s.lease*10).Err())
	for { // until it has been extended, which brings it back to its lease
		left, err := raw.PTTL(t.Context(), "oauth2grant:{alice}:lock").Result()
		must(t, err)
		if left <= s.lease {
			break
		}
	}
	must(t, held.Err())
	must(t, s.Save(held, newer))
}

func TestHeldEndsAndIsFencedWhenRedisIsWiped(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	s, other := open(t, server.Addr()+" alice", redisstore.Config{}), open(t, server.Addr()+" alice", redisstore.Config{})
	held, _ := lock(t, s)
	must(t, s.Save(held, older))
	must(t, raw.FlushAll(t.Context()).Err())
	progress.Await(t, "end of held", held.Done())
	fails(t, context.Cause(held), redisstore.ErrLockLost)
	fails(t, s.Save(context.WithoutCancel(held), older), redisstore.ErrLockLost)
	newest, _ := lock(t, other)
	must(t, other.Save(newest, newer))
	fails(t, s.Save(context.WithoutCancel(held), older), redisstore.ErrLockLost)
	fails(t, s.Delete(context.WithoutCancel(held)), redisstore.ErrLockLost)
	holds(t, other, newer)
}

func TestHeldEndsWhenRedisIsAwayForLongerThanTheLease(t *testing.T) {
	server := testservers.StartRedis(t)
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	held, unlock := lock(t, s)
	server.Stop()
	progress.Await(t, "end of held", held.Done())
	fails(t, context.Cause(held), redisstore.ErrLockLost)
	unlock()
	server.Start()
	held, _ = lock(t, s)
	must(t, s.Save(held, newer))
}

func TestAHolderDoesNotUndoWhatWasDoneWithoutTheLock(t *testing.T) {
	server := testservers.StartRedis(t)
	s, other := open(t, server.Addr()+" alice", redisstore.Config{}), open(t, server.Addr()+" alice", redisstore.Config{})
	must(t, s.Save(t.Context(), older))
	held, _ := lock(t, s)
	must(t, other.Delete(t.Context()))
	fails(t, s.Save(held, newer), redisstore.ErrLockLost)
	if _, err := s.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("the deleted token is back: %v", err)
	}
}

func TestCloseEndsLocksAndSubscription(t *testing.T) {
	server := testservers.StartRedis(t)
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	subscribed(t, s)
	held, unlock := lock(t, s)
	must(t, errors.Join(s.family.Close(), s.family.Close()))
	fails(t, context.Cause(held), redisstore.ErrClosed)
	must(t, s.Save(context.WithoutCancel(held), newer)) // a refreshed token must not be lost
	unlock()
	_, _, err := s.Lock(t.Context())
	fails(t, err, redisstore.ErrClosed)
	s.Notify(func() { t.Error("told after Close") })()
	holds(t, s, newer)
}
