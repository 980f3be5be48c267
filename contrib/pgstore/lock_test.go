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

func TestLock_FencesAHolderAfterTheTableWasEmptied(t *testing.T) {
	server, pool := start(t)
	s, other := open(t, server.URL()+" alice", pgstore.Config{}), open(t, server.URL()+" alice", pgstore.Config{})
	old, unlock := lock(t, s)
	_, err := pool.Exec(t.Context(), `TRUNCATE oauth2grant_tokens`)
	must(t, err)
	fails(t, s.Save(old, older), oauth2grant.ErrLockLost)
	unlock()
	newest, _ := lock(t, other)
	must(t, other.Save(newest, newer))
	fails(t, s.Save(context.WithoutCancel(old), older), oauth2grant.ErrLockLost)
	holds(t, s, newer)
}

func TestLock_ManyHoldersShareASmallPool(t *testing.T) {
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

func TestLock_WaitingKeepsNoConnection(t *testing.T) {
	server, _ := start(t)
	holder, s := open(t, server.URL()+" alice", pgstore.Config{}),
		open(t, server.URL()+"&pool_max_conns=1 alice", pgstore.Config{Lease: progress.Limit})
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

func TestLock_HoldsNoConnection(t *testing.T) {
	server, _ := start(t)
	s := open(t, server.URL()+"&pool_max_conns=1 alice", pgstore.Config{Lease: progress.Limit})
	for n := range 20 {
		held, _ := lock(t, s.family.Store(fmt.Sprint(n)))
		must(t, held.Err())
	}
	if n := s.pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are in use", n)
	}
}

func TestLoad_ASealedTokenIsBoundToItsKey(t *testing.T) {
	server, pool := start(t)
	alice, bob := open(t, server.URL()+" alice", sealed), open(t, server.URL()+" bob", sealed)
	must(t, errors.Join(alice.Save(t.Context(), older), bob.Save(t.Context(), newer)))
	var data string
	must(t, pool.QueryRow(t.Context(),
		`SELECT convert_from(token, 'UTF8') FROM oauth2grant_tokens WHERE key = 'alice'`).Scan(&data))
	if strings.Contains(data, "marked") {
		t.Error("the token is stored in clear")
	}
	_, err := pool.Exec(t.Context(), `UPDATE oauth2grant_tokens SET token = $1 WHERE key = 'bob'`, []byte(data))
	must(t, err)
	_, err = bob.Load(t.Context())
	fails(t, err, seal.ErrOpen)
}
