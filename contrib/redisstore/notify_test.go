package redisstore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

func TestNotify_AThousandStoresShareOneSubscription(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	s, other := open(t, server.Addr()+" first", redisstore.Config{}),
		open(t, server.Addr()+" user-700", redisstore.Config{})
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
	list, err := raw.Do(t.Context(), "CLIENT", "LIST", "TYPE", "pubsub").Text()
	must(t, err)
	if n := strings.Count(list, "addr=") - strings.Count(list, "laddr="); n != 1 {
		t.Errorf("%d connections are subscribed", n)
	}
	if len(told) != 0 {
		t.Error("a store was told of another's change")
	}
}

func TestNotify_ABrokenSubscriptionComesBackAndTellsEverybody(t *testing.T) {
	server := testservers.StartRedis(t)
	proxy := testservers.StartProxy(t, server.Addr())
	raw := newClient(server.Addr())
	defer raw.Close()
	s, other := open(t, proxy.Addr()+" alice", redisstore.Config{}),
		open(t, server.Addr()+" alice", redisstore.Config{})
	changes := subscribed(t, s)
	for name, disturb := range map[string]func(){
		"killed by the server": func() { must(t, raw.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Err()) },
		"cut":                  proxy.Cut,
		"restarted":            func() { server.Stop(); server.Start() },
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
