package chaos

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// kind is a store that processes share.
type kind struct {
	name  string
	start func(t *testing.T) site
	open  func(p place) (opened, error) // in any process
	lease time.Duration                 // zero: the lock ends with its holder, and only with it
	back  bool                          // a failover may take the store back in time
}

// place is all that a process needs to know of a store.
type place struct {
	Addr    string            // where it is: an address, several of them, or a folder
	Through map[string]string // the proxies before its servers, by their addresses
}

// site is a store with its servers.
type site struct {
	place                             // seen through the proxies
	direct place                      // seen without them
	faults []fault                    // that may happen to it
	left   func(t *testing.T) (n int) // locks that are held, or temporary files
}

type sharedStore interface {
	oauth2grant.Store
	oauth2grant.AnswerSaver
	oauth2grant.Notifier
}

// opened is a store in one process.
type opened struct {
	store func(key string) (sharedStore, error)
	close func() error
}

const (
	lease    = 3 * time.Second // a busy machine can keep it
	markLife = 10 * time.Second
)

var kinds = []kind{
	{name: "file", start: startFile, open: openFile},
	{name: "redis", start: startRedis, open: openRedis, lease: lease},
	{name: "sentinel", start: startSentinel, open: openSentinel, lease: lease, back: true},
	{name: "cluster", start: startCluster, open: openCluster, lease: lease, back: true},
	{name: "postgres", start: startPostgres, open: openPostgres, lease: lease},
	{name: "pgbouncer", start: startPgBouncer, open: openPostgres, lease: lease},
	{name: "etcd", start: startEtcd, open: openEtcd, lease: etcdLease},
}

func kindNamed(name string) (kind, error) {
	for _, k := range kinds {
		if k.name == name {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("no store named %q", name)
}

// markLife is how long a mark lives after its holder was last heard of; zero:
// as long as the holder.
func (k kind) markLife() time.Duration {
	if k.lease == 0 {
		return 0
	}
	return max(k.lease, markLife)
}

func startFile(t *testing.T) site {
	t.Helper()
	p := place{Addr: t.TempDir()}
	return site{place: p, direct: p, left: func(t *testing.T) int {
		t.Helper()
		temporary, err := filepath.Glob(filepath.Join(p.Addr, ".*.tmp"))
		must(t, err)
		return len(temporary)
	}}
}

func openFile(p place) (opened, error) {
	return opened{
		store: func(key string) (sharedStore, error) {
			return filestore.Open(filestore.Config{Path: filepath.Join(p.Addr, key+".json")})
		},
		close: func() error { return nil },
	}, nil
}

// familyOf is what the stores with leases have in common.
func familyOf[S sharedStore](of func(key string) S, closers ...func() error) opened {
	return opened{
		store: func(key string) (sharedStore, error) { return of(key), nil },
		close: func() (err error) {
			for _, closeOne := range closers {
				err = errors.Join(err, closeOne())
			}
			return err
		},
	}
}

// wayFaults are those of the way to servers, all of which are behind proxies.
func wayFaults(proxies ...*testservers.Proxy) []fault {
	each := func(do func(*testservers.Proxy)) {
		for _, p := range proxies {
			do(p)
		}
	}
	stall := func(_ *testing.T, pass func()) {
		each((*testservers.Proxy).Swallow)
		pass()
		each((*testservers.Proxy).Heal)
	}
	return []fault{
		{name: "cut", weight: 3, do: func(_ *testing.T, _ func()) { each((*testservers.Proxy).Cut) }},
		{name: "stall", weight: 3, least: 200 * time.Millisecond, most: 5 * time.Second, do: stall},
	}
}

// restartable is a server that can be stopped and killed.
type restartable interface {
	Stop()
	Kill()
	Start()
}

// restarts are the faults of a server.
func restarts(server restartable) []fault {
	stopped := func(_ *testing.T, pass func()) {
		server.Stop()
		pass()
		server.Start()
	}
	killed := func(_ *testing.T, pass func()) {
		server.Kill()
		pass()
		server.Start()
	}
	return []fault{
		{name: "stopped", weight: 2, most: 3 * time.Second, do: stopped},
		{name: "killed", weight: 2, most: 3 * time.Second, do: killed},
	}
}
