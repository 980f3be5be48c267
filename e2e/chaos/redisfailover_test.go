package chaos

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// dialer leads to the proxies of a place.
func (p place) dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if proxy, ok := p.Through[addr]; ok {
			addr = proxy
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
}

// behindProxies returns the place of several servers, at the addresses that
// clients begin with, seen directly and through proxies.
func behindProxies(t *testing.T, servers []*testservers.Redis, addrs []string) site {
	t.Helper()
	direct := place{Addr: strings.Join(addrs, ",")}
	through := place{Addr: direct.Addr, Through: map[string]string{}}
	var proxies []*testservers.Proxy
	for _, s := range servers {
		proxy := testservers.StartProxy(t, s.Addr())
		proxies = append(proxies, proxy)
		through.Through[s.Addr()] = proxy.Addr()
	}
	return site{place: through, direct: direct, faults: wayFaults(proxies...)}
}

// failovers are those that are asked for, and those that a killed master leads
// to, which comes back after others have taken its place.
func failovers(ask func() error, master func() *testservers.Redis) []fault {
	asked := func(_ *testing.T, pass func()) {
		_ = ask() // refused while another one goes on
		pass()
	}
	killed := func(_ *testing.T, pass func()) {
		if dead := master(); dead != nil {
			dead.Kill()
			defer dead.Start()
		}
		pass()
	}
	return []fault{
		{name: "asked", deed: failsOver, weight: 2, least: 3 * time.Second, most: 4 * time.Second, do: asked},
		{name: "master killed", deed: failsOver, weight: 2, least: 4 * time.Second, most: 6 * time.Second, do: killed},
	}
}

// startSentinel starts a master with two replicas, both of which must have what
// is saved: see [redisstore.Config].
func startSentinel(t *testing.T) site {
	t.Helper()
	sentinel := testservers.StartSentinel(t)
	s := behindProxies(t, sentinel.Servers, sentinel.Addrs)
	watch := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Addrs[0]})
	t.Cleanup(func() { _ = watch.Close() })
	master := func() *testservers.Redis {
		addr, err := watch.GetMasterAddrByName(context.Background(), "main").Result()
		if err != nil || len(addr) != 2 {
			return nil
		}
		return sentinel.Server(net.JoinHostPort(addr[0], addr[1]))
	}
	ask := func() error { return watch.Failover(context.Background(), "main").Err() }
	s.faults = append(s.faults, failovers(ask, master)...)
	s.left = func(t *testing.T) int {
		t.Helper()
		client := s.direct.sentinelClient()
		defer client.Close()
		return redisLocks(t, client)
	}
	return s
}

func (p place) sentinelClient() *redis.Client {
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "main", SentinelAddrs: strings.Split(p.Addr, ","), ContextTimeoutEnabled: true, Dialer: p.dialer(),
		DialerRetries: 1, // its retries outlive Close
	})
}

func openSentinel(p place) (opened, error) {
	return openRedisFamily(p.sentinelClient(), redisstore.Config{Lease: lease, Replicas: 2})
}

// startCluster starts three masters with a replica each.
func startCluster(t *testing.T) site {
	t.Helper()
	cluster := testservers.StartCluster(t)
	s := behindProxies(t, cluster.Servers, cluster.Addrs)
	one := s.direct.clusterClient()
	t.Cleanup(func() { _ = one.Close() })
	turn := 0
	node := func(role string) (addr string) { // of each shard in turn
		shards, err := one.ClusterShards(context.Background()).Result()
		if err != nil || len(shards) == 0 {
			return ""
		}
		turn++
		for _, n := range shards[turn%len(shards)].Nodes {
			if n.Role == role && n.Health == "online" {
				addr = net.JoinHostPort(n.IP, fmt.Sprint(n.Port))
			}
		}
		return addr
	}
	s.faults = append(s.faults, failovers(func() error {
		replica := redis.NewClient(&redis.Options{Addr: node("replica")})
		defer replica.Close()
		return replica.ClusterFailover(context.Background()).Err()
	}, func() *testservers.Redis { return cluster.Server(node("master")) })...)
	s.left = func(t *testing.T) (n int) {
		t.Helper()
		var mu sync.Mutex
		must(t, one.ForEachMaster(t.Context(), func(_ context.Context, client *redis.Client) error {
			mu.Lock()
			defer mu.Unlock()
			n += redisLocks(t, client)
			return nil
		}))
		return n
	}
	return s
}

func (p place) clusterClient() *redis.ClusterClient {
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: strings.Split(p.Addr, ","), ContextTimeoutEnabled: true, Dialer: p.dialer(),
		DialerRetries: 1, // its retries outlive Close
	})
}

func openCluster(p place) (opened, error) {
	return openRedisFamily(p.clusterClient(), redisstore.Config{Lease: lease, Replicas: 1})
}
