package redisstore_test

import (
	"context"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestLock_OutlivesItsLeaseWhileItIsHeld(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	held, _ := lock(t, s)
	first, err := raw.HGet(t.Context(), hashOf(" alice"), "until").Int64()
	must(t, err)
	for until := first; until < first+s.lease.Milliseconds(); { // until it has been extended for longer than the lease
		must(t, held.Err())
		until, err = raw.HGet(t.Context(), hashOf(" alice"), "until").Int64()
		must(t, err)
	}
	must(t, s.Save(held, newer))
}

func TestHeld_EndsAndIsFencedWhenRedisIsWiped(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	s, other := open(t, server.Addr()+" alice", redisstore.Config{}),
		open(t, server.Addr()+" alice", redisstore.Config{})
	held, _ := lock(t, s)
	must(t, s.Save(held, older))
	must(t, raw.FlushAll(t.Context()).Err())
	progress.Await(t, "end of held", held.Done())
	fails(t, context.Cause(held), oauth2grant.ErrLockLost)
	fails(t, s.Save(context.WithoutCancel(held), older), oauth2grant.ErrLockLost)
	newest, _ := lock(t, other)
	must(t, other.Save(newest, newer))
	fails(t, s.Save(context.WithoutCancel(held), older), oauth2grant.ErrLockLost)
	fails(t, s.Delete(context.WithoutCancel(held)), oauth2grant.ErrLockLost)
	holds(t, other, newer)
}

func TestHeld_EndsWhenRedisIsAwayForLongerThanTheLease(t *testing.T) {
	server := testservers.StartRedis(t)
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	held, unlock := lock(t, s)
	server.Stop()
	progress.Await(t, "end of held", held.Done())
	fails(t, context.Cause(held), oauth2grant.ErrLockLost)
	unlock()
	server.Start()
}
