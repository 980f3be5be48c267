package pgstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// listeners are the sessions that listen.
const listeners = `FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = '-- ping'`

func TestNotify_AThousandStoresShareOneSubscription(t *testing.T) {
	server, pool := start(t)
	s, other := open(t, server.URL()+" first", pgstore.Config{Listen: true}),
		open(t, server.URL()+" user-700", pgstore.Config{Listen: true})
	subscribed(t, s)
	told := make(chan string, 1000)
	for n := range 1000 {
		key := fmt.Sprintf("user-%d", n)
		defer s.family.Store(key).Notify(func() { told <- key })()
	}
	must(t, other.Save(t.Context(), newer))
	if key := <-told; key != "user-700" {
		t.Errorf("%s was told", key)
	}
	var n int
	must(t, pool.QueryRow(t.Context(), `SELECT count(*) `+listeners).Scan(&n))
	if n != 1 {
		t.Errorf("%d connections are subscribed", n)
	}
	if len(told) != 0 {
		t.Error("a store was told of another's change")
	}
}

func TestNotify_ABrokenSubscriptionComesBackAndTellsEverybody(t *testing.T) {
	server, pool := start(t)
	proxy := testservers.StartProxy(t, server.Addr())
	s := open(t, strings.Replace(server.URL(), server.Addr(), proxy.Addr(), 1)+" alice", pgstore.Config{Listen: true})
	other := open(t, server.URL()+" alice", pgstore.Config{Listen: true})
	changes := subscribed(t, s)
	for name, disturb := range map[string]func(){
		"killed by the server": func() {
			_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) `+listeners)
			must(t, err)
		},
		"cut":       proxy.Cut,
		"restarted": func() { server.Stop(); server.Start(); pool.Reset(); other.pool.Reset() },
	} {
		for len(changes) > 0 { // what was told before
			<-changes
		}
		disturb()
		progress.Await(t, "news after it was "+name, changes)
		must(t, other.Save(t.Context(), newer))
		progress.Await(t, "news of a change", changes)
	}
}

func TestNotify_ThePollDoesNotReadTheTable(t *testing.T) {
	_, pool := start(t)
	for _, sql := range []string{
		`INSERT INTO oauth2grant_tokens (key, told) SELECT n, now() - interval '1 h' FROM generate_series(1, 20000) n`,
		`ANALYZE oauth2grant_tokens`,
	} {
		_, err := pool.Exec(t.Context(), sql)
		must(t, err)
	}
	var plan string
	must(t, pool.QueryRow(t.Context(), `EXPLAIN (FORMAT JSON) `+pgstore.Poll, 5000).Scan(&plan))
	if !strings.Contains(plan, "Index Scan") {
		t.Error(plan)
	}
}
