package e2e

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// storeUnderTest is a store that processes can share.
type storeUnderTest struct {
	name  string
	start func(t *testing.T) (place string)             // once a test; a place is all that a process needs to know
	open  func(place string) (oauth2grant.Store, error) // in any process
	kills []point                                       // where its holders are killed, from the request to the save
	lease bool                                          // its lock is taken from a holder that does not answer
}

var stores = []storeUnderTest{
	{
		name:  "filestore",
		start: func(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "private", "token.json") },
		open:  func(place string) (oauth2grant.Store, error) { return filestore.Open(filestore.Config{Path: place}) },
		kills: []point{sending, answered, tempWritten, renamed},
	},
	{
		name: "redisstore", start: startRedis, open: openRedis, kills: []point{sending, answered, saving, saved},
		lease: true,
	},
	{
		name: "pgstore", start: startPostgres, open: openPostgres, kills: []point{sending, answered, saving, saved},
		lease: true,
	},
	{
		name: "etcdstore", start: startEtcd, open: openEtcd, kills: []point{sending, answered, saving, saved},
		lease: true,
	},
}

func storeNamed(name string) (storeUnderTest, error) {
	for _, s := range slices.Concat(stores, topologies) {
		if s.name == name {
			return s, nil
		}
	}
	return storeUnderTest{}, fmt.Errorf("no store named %q", name)
}

// common is a store at a place, seen by the test itself.
type common struct {
	storeUnderTest
	oauth2grant.Store
	place string
}

func (s storeUnderTest) at(t *testing.T) common {
	t.Helper()
	return s.openAt(t, s.start(t))
}

func (s storeUnderTest) openAt(t *testing.T, place string) common {
	t.Helper()
	store, err := s.open(place)
	must(t, err)
	t.Cleanup(func() { closeStore(store) })
	return common{s, store, place}
}

// beside is another place on the same server, or in the same folder.
func (c common) beside(t *testing.T, name string) common {
	t.Helper()
	return c.openAt(t, c.place+"-"+name)
}

func closeStore(s oauth2grant.Store) {
	if c, ok := s.(io.Closer); ok {
		_ = c.Close()
	}
}

// put saves a token under the lock.
func (c common) put(t *testing.T, token oauth2grant.Token) {
	t.Helper()
	held, unlock, err := c.Lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := c.Save(context.WithoutCancel(held), token); err != nil {
		t.Fatal(err)
	}
}

// get loads the token, which must be there and readable.
func (c common) get(t *testing.T) oauth2grant.Token {
	t.Helper()
	token, err := c.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// same reports whether two tokens are one, whatever travels with them.
func same(a, b oauth2grant.Token) bool {
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}
