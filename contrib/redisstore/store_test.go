package redisstore_test

import (
	"errors"
	"fmt"
	"log/slog"
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

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	client := newClient("127.0.0.1:1")
	defer client.Close()
	deaf := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer deaf.Close()
	deafCluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer deafCluster.Close()
	stale := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{"127.0.0.1:1"}, ContextTimeoutEnabled: true, RouteByLatency: true,
	})
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
		"a negative number of replicas":    {client, redisstore.Config{Replicas: -1}},
		"a key that is too short": {
			client, redisstore.Config{Keys: seal.Keys("k", map[string][]byte{"k": []byte("short")})},
		},
		"a prefix with braces":      {client, redisstore.Config{Prefix: "a{b}"}},
		"a lease that is too short": {client, redisstore.Config{Lease: time.Millisecond}},
		"a negative lifetime":       {client, redisstore.Config{TTL: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			if f, err := redisstore.New(c.client, c.cfg); err == nil {
				t.Errorf("New gave %v", f)
			}
		})
	}
}

func TestConfig_ATokenLivesAsLongAsItsTTL(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	mortal, eternal := open(t, server.Addr()+" mortal", redisstore.Config{TTL: time.Hour}),
		open(t, server.Addr()+" eternal", redisstore.Config{})
	held, unlock := lock(t, eternal)
	left := func(s string, least, most time.Duration) {
		t.Helper()
		if left, err := raw.PTTL(t.Context(), hashOf(" "+s)).Result(); err != nil || left < least || left > most {
			t.Errorf("%s has %v left, %v", s, left, err)
		}
	}
	left("eternal", 23*time.Hour, 25*time.Hour) // there is no token yet
	must(t, errors.Join(mortal.Save(t.Context(), older), eternal.Save(held, older)))
	left("eternal", -1, -1)
	left("mortal", 24*time.Hour, 25*time.Hour)
	unlock()
	holds(t, mortal, older)
	must(t, raw.HSet(t.Context(), hashOf(" mortal"), "expires", "1").Err())
	if _, err := mortal.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) ||
		errors.Is(err, oauth2grant.ErrSignedOut) {
		t.Errorf("after its time Load returned %v", err)
	}
	must(t, mortal.Delete(t.Context()))
	left("mortal", 24*time.Hour, 26*time.Hour)
	_, err := mortal.Load(t.Context())
	fails(t, err, oauth2grant.ErrSignedOut)
}

func TestLoad_ASealedTokenIsBoundToItsKey(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	alice, bob := open(t, server.Addr()+" alice", sealed), open(t, server.Addr()+" bob", sealed)
	must(t, alice.Save(t.Context(), older))
	data, err := raw.HGet(t.Context(), hashOf(" alice"), "token").Result()
	must(t, err)
	if strings.Contains(data, "marked") {
		t.Error("the token is stored in clear")
	}
	must(t, errors.Join(bob.Save(t.Context(), newer), raw.HSet(t.Context(), hashOf(" bob"), "token", data).Err()))
	_, err = bob.Load(t.Context())
	fails(t, err, seal.ErrOpen)
}

// Redis quotes the arguments of a command that it does not know.
func TestSave_ARefusalShowsNoArguments(t *testing.T) {
	server := testservers.StartRedis(t, "--rename-command", "EVALSHA", "", "--rename-command", "EVAL", "")
	s := open(t, server.Addr()+" alice", redisstore.Config{})
	for what, err := range map[string]error{"Save": s.Save(t.Context(), older), "Delete": s.Delete(t.Context())} {
		var refused *redisstore.ServerError
		if !errors.As(err, &refused) || refused.Code != "ERR" {
			t.Errorf("%s gave %v", what, err)
		}
		text := fmt.Sprintf("%v %+v %#v", err, err, err)
		if strings.Contains(text, "marked") || strings.Contains(text, "args") {
			t.Errorf("the error shows arguments: %s", text)
		}
	}
	if _, _, err := s.Lock(t.Context()); !errors.As(err, new(*redisstore.ServerError)) {
		t.Errorf("Lock gave %v", err)
	}
}

func TestNew_AUserWithTheDocumentedRightsIsEnough(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	rights := strings.Fields(
		"ACL SETUSER worker on >password resetkeys ~orders:* resetchannels &orders:changed -@all " +
			"+hget +hset +hincrby +persist +pexpire +time +publish +eval +evalsha +subscribe +ping")
	args := make([]any, len(rights))
	for i, r := range rights {
		args[i] = r
	}
	must(t, raw.Do(t.Context(), args...).Err())
	var warnings strings.Builder
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), Username: "worker", Password: "password", ContextTimeoutEnabled: true,
	})
	defer client.Close()
	family, err := redisstore.New(client, redisstore.Config{
		Prefix: "orders", TTL: time.Hour, Logger: slog.New(slog.NewTextHandler(&warnings, nil)),
	})
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
	if !strings.Contains(warnings.String(), "noeviction") {
		t.Errorf("the log says %q", warnings.String())
	}
	if _, err := s.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("Load gave %v", err)
	}
}

func TestCheck_WarnsOfAChannelThatIsNotAllowed(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	must(t, raw.Do(t.Context(), "ACL", "SETUSER", "worker", "on", ">password", "~*", "resetchannels", "+@all").Err())
	var warnings strings.Builder
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), Username: "worker", Password: "password", ContextTimeoutEnabled: true,
	})
	defer client.Close()
	family, err := redisstore.New(client, redisstore.Config{Logger: slog.New(slog.NewTextHandler(&warnings, nil))})
	must(t, err)
	defer family.Close()
	must(t, family.Check(t.Context()))
	if !strings.Contains(warnings.String(), "the channel is not allowed") {
		t.Errorf("the log says %q", warnings.String())
	}
}

func TestStore_KeysOfAnyKindWorkInAClusterAndDoNotMeet(t *testing.T) {
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
	keys := []string{
		"", "a", "a}", "{a}", "{", "}", "}{", "a}:token", "%7D", "%", "a b\n", "\x00\xff", "ü", "u\u0308",
		strings.Repeat("x", 100_000),
	}
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

func TestCheck_LooksAtTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		policy string
		cfg    redisstore.Config
		want   string
	}{
		"noeviction":             {"noeviction", redisstore.Config{TTL: time.Hour}, ""},
		"volatile without a TTL": {"volatile-lru", redisstore.Config{}, ""},
		"volatile with a TTL":    {"volatile-ttl", redisstore.Config{TTL: time.Hour}, "noeviction"},
		"allkeys":                {"allkeys-lru", redisstore.Config{}, "noeviction"},
		"allkeys, least used":    {"allkeys-lfu", redisstore.Config{}, "noeviction"},
	} {
		t.Run(name, func(t *testing.T) {
			server := testservers.StartRedis(t, "--maxmemory-policy", c.policy)
			s := open(t, server.Addr()+" alice", c.cfg)
			err := s.family.Check(t.Context())
			_, unlock, lockErr := s.Lock(t.Context())
			if lockErr == nil {
				unlock()
			}
			for _, err := range []error{err, lockErr} {
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("the error is %v", err)
				}
			}
		})
	}
}

func TestReplicas_AreWaitedFor(t *testing.T) {
	master := testservers.StartRedis(t)
	s := open(t, master.Addr()+" alice", redisstore.Config{Replicas: 1})
	if err := s.Save(t.Context(), older); err == nil {
		t.Error("a save that no replica has succeeded")
	}
	host, port, _ := strings.Cut(master.Addr(), ":")
	replica := testservers.StartRedis(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	raw := newClient(replica.Addr())
	defer raw.Close()
	retry(t, "replica in step", func() error { return s.Save(t.Context(), newer) })
	if n, err := raw.HLen(t.Context(), hashOf(" alice")).Result(); err != nil || n == 0 {
		t.Errorf("the replica has %d fields, %v", n, err)
	}
	behind := open(t, replica.Addr()+" alice", redisstore.Config{})
	if err := behind.family.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "master") {
		t.Errorf("a replica is taken for the master: %v", err)
	}
}
