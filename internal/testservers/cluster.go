package testservers

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

// Cluster is a Redis Cluster of three masters with a replica each. A replica
// takes the place of its master about two seconds after that was lost.
type Cluster struct {
	Servers []*Redis
	Addrs   []string
}

// StartCluster starts them, and waits until each knows all of them.
func StartCluster(tb testing.TB) *Cluster {
	tb.Helper()
	c, cli := &Cluster{}, Command(tb, "redis-cli", "redis")
	for range 6 {
		r := StartRedis(tb, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
			"--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0")
		c.Servers, c.Addrs = append(c.Servers, r), append(c.Addrs, r.Addr())
	}
	args := append([]string{"--cluster", "create", "--cluster-yes", "--cluster-replicas", "1"}, c.Addrs...)
	if out, err := exec.CommandContext(tb.Context(), cli, args...).CombinedOutput(); err != nil { //nolint:gosec // redis-cli
		tb.Fatalf("redis-cli --cluster create: %v\n%s", err, out)
	}
	c.Await(tb)
	return c
}

// Await waits until every server knows all the others, and that they serve.
func (c *Cluster) Await(tb testing.TB) {
	tb.Helper()
	cli, giveUp, pause := Command(tb, "redis-cli", "redis"), time.After(progress.Limit), time.NewTicker(100*time.Millisecond)
	defer pause.Stop()
	for _, r := range c.Servers {
		for ok := false; !ok; {
			//nolint:gosec // redis-cli
			out, err := exec.CommandContext(tb.Context(), cli, "-p", r.port, "cluster", "info").CombinedOutput()
			info := string(out)
			ok = strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:6") &&
				strings.Contains(info, "cluster_slots_ok:16384")
			select {
			case <-pause.C:
			case <-giveUp:
				tb.Fatalf("the cluster is not ready: %v\n%s", err, info)
			}
		}
	}
}

// Server returns the server at an address.
func (c *Cluster) Server(addr string) *Redis {
	for _, r := range c.Servers {
		if r.Addr() == addr {
			return r
		}
	}
	return nil
}
