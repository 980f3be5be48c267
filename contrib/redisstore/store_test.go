package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func TestNewRefusesWhatCannotWork(t *testing.T) {
	client := newClient("127.0.0.1:1")
	defer client.Close()
	deaf := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer deaf.Close()
	deafCluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer deafCluster.Close()
	stale := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true, RouteByLatency: true})
	defer stale.Close()
	ring := redis.NewRing(&redis.RingOptions{ContextTimeoutEnabled: true})
	defer ring.Close()
	for name, c := range map[string]struct {
		client redis.UniversalClient
		cfg    redisstore.Config
	}{
		"no client":                        {nil, redisstore.Config{}},
		"a client that ignores deadlines":  {deaf, redisstore.Config{}},
		"a cluster that ignores deadlines": {deafCluster, redisstore.Config{}},
		"a cluster read from replicas":     {stale, redisstore.Config{}},
		"a ring":                           {ring, redisstore.Config{}},
		"a prefix with braces":             {client, redisstore.Config{Prefix: "a{b}"}},
		"a lease that is too short":        {client, redisstore.Config{Lease: time.Millisecond}},
		"a timeout as long as the lease":   {client, redisstore.Config{Lease: time.Second, Timeout: time.Second}},
		"a negative timeout":               {client, redisstore.Config{Timeout: -1}},
		"a negative lifetime":              {client, redisstore.Config{TTL: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			if f, err := redisstore.New(c.client, c.cfg); err == nil {
				t.Errorf("New gave %v", f)
			}
		})
	}
}

func TestATokenLivesAsLongAsItsTTL(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	mortal, eternal := open(t, server.Addr()+" mortal", redisstore.Config{TTL: time.Hour}), open(t, server.Addr()+" eternal", redisstore.Config{})
	held, _ := lock(t, eternal) // its state has an end as long as there is no token
	must(t, errors.Join(mortal.Save(t.Context(), older), eternal.Save(held, older)))
	for key, want := range map[string]struct{ least, most time.Duration }{
		"oauth2grant:{mortal}:token":  {time.Second, time.Hour},
		"oauth2grant:{mortal}:state":  {2 * time.Hour, 48 * time.Hour},
		"oauth2grant:{eternal}:token": {-1, -1},
		"oauth2grant:{eternal}:state": {-1, -1},
	} {
		if left, err := raw.PTTL(t.Context(), key).Result(); err != nil || left < want.least || left > want.most {
			t.Errorf("%s has %v left, %v", key, left, err)
		}
	}
	must(t, mortal.Delete(t.Context()))
	if left, err := raw.PTTL(t.Context(), "oauth2grant:{mortal}:state").Result(); err != nil || left <= 0 {
		t.Errorf("the state of a deleted token has %v left, %v", left, err)
	}
}

func TestASealedTokenIsBoundToItsKey(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	alice, bob := open(t, server.Addr()+" alice", sealed), open(t, server.Addr()+" bob", sealed)
	must(t, alice.Save(t.Context(), older))
	data, err := raw.Get(t.Context(), "oauth2grant:{alice}:token").Result()
	must(t, err)
	if strings.Contains(data, "marked") {
		t.Error("the token is stored in clear")
	}
	must(t, raw.Set(t.Context(), "oauth2grant:{bob}:token", data, 0).Err())
	_, err = bob.Load(t.Context())
	fails(t, err, seal.ErrOpen)
}

// Redis quotes the arguments of a command that it does not know.
func TestARefusalShowsNoArguments(t *testing.T) {
	server := testservers.StartRedis(t, "--rename-command", "EVALSHA", "", "--rename-command", "EVAL", "")
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	for what, err := range map[string]error{"Save": s.Save(t.Context(), older), "Delete": s.Delete(t.Context())} {
		var refused *redisstore.ServerError
		if !errors.As(err, &refused) || refused.Code != "ERR" {
			t.Errorf("%s gave %v", what, err)
		}
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, "marked") || strings.Contains(text, "args") {
			t.Errorf("the error shows arguments: %s", text)
		}
	}
	if _, _, err := s.Lock(t.Context()); !errors.As(err, new(*redisstore.ServerError)) {
		t.Errorf("Lock gave %v", err)
	}
}

func TestAUserWithTheDocumentedRightsIsEnough(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	rights := strings.Fields("ACL SETUSER worker on >password resetkeys ~orders:* resetchannels &orders:changed -@all " +
		"+get +eval +evalsha +set +del +getrange +hget +hset +hincrby +exists +persist +pexpire +time +publish +subscribe +ping")
	args := make([]any, len(rights))
	for i, r := range rights {
		args[i] = r
	}
	must(t, raw.Do(t.Context(), args...).Err())
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "worker", Password: "password", ContextTimeoutEnabled: true})
	defer client.Close()
	family, err := redisstore.New(client, redisstore.Config{Prefix: "orders", TTL: time.Hour})
	must(t, err)
	defer family.Close()
	s := family.Store("alice")
	changes := subscribed(t, s)
	held, unlock := lock(t, s)
	must(t, s.Save(held, newer))
	progress.Await(t, "notification", changes)
	holds(t, s, newer)
	must(t, s.Delete(held))
	unlock()
	if _, err := s.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("Load gave %v", err)
	}
}

func TestKeysOfAnyKindWorkInAClusterAndDoNotMeet(t *testing.T) {
	server := testservers.StartRedis(t, "--cluster-enabled", "yes")
	raw := newClient(server.Addr())
	defer raw.Close()
	must(t, raw.ClusterAddSlotsRange(t.Context(), 0, 16383).Err())
	for info := ""; !strings.Contains(info, "cluster_state:ok"); info = raw.ClusterInfo(t.Context()).Val() {
		must(t, t.Context().Err())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr()}, ContextTimeoutEnabled: true})
	defer client.Close()
	family, err := redisstore.New(client, redisstore.Config{})
	must(t, err)
	defer family.Close()
	keys := []string{"", "a", "a}", "{a}", "{", "}", "}{", "a}:token", "%7D", "%", "a b\n", "\x00\xff", "ü"}
	for i, key := range keys {
		s := family.Store(key)
		changes := make(chan struct{}, 1)
		if i == 0 {
			subscribed(t, s)
		}
		stop := s.Notify(func() { changes <- struct{}{} })
		held, unlock, err := s.Lock(t.Context())
		must(t, err)
		must(t, s.Save(held, oauth2grant.Token{AccessToken: fmt.Sprint(i)}))
		unlock()
		progress.Await(t, "notification", changes)
		stop()
	}
	for i, key := range keys {
		holds(t, family.Store(key), oauth2grant.Token{AccessToken: fmt.Sprint(i)})
	}
}
