package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func TestHeldEndsWithItsConnectionAndTheNextCallsWork(t *testing.T) {
	server, pool := start(t)
	s, other := open(t, server.URL()+" alice", pgstore.Config{}), open(t, server.URL()+" alice", pgstore.Config{})
	held, unlock := lock(t, s)
	must(t, s.Save(held, older))
	_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM (`+sessionOfLock+`) AS holder`, "alice")
	must(t, err)
	progress.Await(t, "end of held", held.Done())
	fails(t, context.Cause(held), pgstore.ErrLockLost)

	// nobody has taken the lock since: what the server issued is not lost
	must(t, s.Save(context.WithoutCancel(held), newer))
	newest, giveBack := lock(t, other)
	fails(t, s.Save(context.WithoutCancel(held), older), pgstore.ErrLockLost)
	holds(t, other, newer)
	must(t, other.Delete(newest))
	giveBack()
	unlock()
	held, _ = lock(t, s)
	must(t, s.Save(held, newer))
}

func TestAHolderIsFencedAfterTheTableWasEmptied(t *testing.T) {
	server, pool := start(t)
	s, other := open(t, server.URL()+" alice", pgstore.Config{}), open(t, server.URL()+" alice", pgstore.Config{})
	old, unlock := lock(t, s)
	_, err := pool.Exec(t.Context(), `TRUNCATE oauth2grant_tokens`)
	must(t, err)
	fails(t, s.Save(old, older), pgstore.ErrLockLost)
	unlock()
	newest, _ := lock(t, other)
	must(t, other.Save(newest, newer))
	fails(t, s.Save(context.WithoutCancel(old), older), pgstore.ErrLockLost)
	holds(t, s, newer)
}

func TestAHolderDoesNotUndoWhatWasDoneWithoutTheLock(t *testing.T) {
	server, _ := start(t)
	s, other := open(t, server.URL()+" alice", pgstore.Config{}), open(t, server.URL()+" alice", pgstore.Config{})
	must(t, s.Save(t.Context(), older))
	held, _ := lock(t, s)
	must(t, other.Delete(t.Context()))
	fails(t, s.Save(held, newer), pgstore.ErrLockLost)
	if _, err := s.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("the deleted token is back: %v", err)
	}
}

func TestManyHoldersShareASmallPool(t *testing.T) {
	server, _ := start(t)
	s := open(t, server.URL()+"&pool_max_conns=2 alice", pgstore.Config{Lease: progress.Limit})
	var g errgroup.Group
	for n := range 30 {
		g.Go(func() error {
			s := s.family.Store(fmt.Sprintf("user-%d", n%15))
			held, unlock, err := s.Lock(t.Context())
			if err != nil {
				return err
			}
			defer unlock()
			if _, err := s.Load(held); err != nil && !errors.Is(err, oauth2grant.ErrNoToken) {
				return err
			}
			return s.Save(held, newer)
		})
	}
	must(t, g.Wait())
}

func TestWaitingKeepsNoConnection(t *testing.T) {
	server, _ := start(t)
	holder, s := open(t, server.URL()+" alice", pgstore.Config{}), open(t, server.URL()+"&pool_max_conns=1 alice", pgstore.Config{Lease: progress.Limit})
	_, unlock := lock(t, holder)
	ctx, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	for range 20 {
		g.Go(func() error {
			_, _, err := s.Lock(ctx)
			return err
		})
	}
	for range 20 {
		must(t, s.Save(t.Context(), newer))
	}
	cancel()
	fails(t, g.Wait(), context.Canceled)
	unlock()
	lock(t, s)
}

func TestAConnectionIsGivenBackAsItWas(t *testing.T) {
	server, _ := start(t)
	s := open(t, server.URL()+"&pool_max_conns=1&idle_session_timeout=12345000 alice", pgstore.Config{})
	setting := func() (value string) {
		must(t, s.pool.QueryRow(t.Context(), `SELECT current_setting('idle_session_timeout') || ' ' || pg_backend_pid()`).Scan(&value))
		return value
	}
	before := setting()
	_, unlock := lock(t, s)
	unlock()
	if after := setting(); after != before || !strings.HasPrefix(before, "12345s") {
		t.Errorf("idle_session_timeout and session were %s, and are %s", before, after)
	}
}

func TestCloseEndsLocksAndSubscription(t *testing.T) {
	server, _ := start(t)
	s := open(t, server.URL()+" alice", pgstore.Config{})
	subscribed(t, s)
	held, unlock := lock(t, s)
	must(t, errors.Join(s.family.Close(), s.family.Close()))
	fails(t, context.Cause(held), pgstore.ErrClosed)
	must(t, s.Save(context.WithoutCancel(held), newer)) // a refreshed token must not be lost
	unlock()
	_, _, err := s.Lock(t.Context())
	fails(t, err, pgstore.ErrClosed)
	s.Notify(func() { t.Error("told after Close") })()
	holds(t, s, newer)
}

func TestASealedTokenIsBoundToItsKey(t *testing.T) {
	server, pool := start(t)
	alice, bob := open(t, server.URL()+" alice", sealed), open(t, server.URL()+" bob", sealed)
	must(t, errors.Join(alice.Save(t.Context(), older), bob.Save(t.Context(), newer)))
	var data string
	must(t, pool.QueryRow(t.Context(), `SELECT convert_from(token, 'UTF8') FROM oauth2grant_tokens WHERE key = 'alice'`).Scan(&data))
	if strings.Contains(data, "marked") {
		t.Error("the token is stored in clear")
	}
	_, err := pool.Exec(t.Context(), `UPDATE oauth2grant_tokens SET token = $1 WHERE key = 'bob'`, []byte(data))
	must(t, err)
	_, err = bob.Load(t.Context())
	fails(t, err, seal.ErrOpen)
}
