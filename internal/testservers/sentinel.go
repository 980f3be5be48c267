package testservers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Sentinel is a master of Redis named "main" with two replicas, and three
// sentinels that fail it over a second after it was lost.
type Sentinel struct {
	Servers []*Redis // the first one begins as the master
	Addrs   []string // of the sentinels
}

// StartSentinel starts them. The replicas may not be in step yet.
func StartSentinel(tb testing.TB) *Sentinel {
	tb.Helper()
	path := Command(tb, "redis-sentinel", "redis")
	s := &Sentinel{Servers: []*Redis{StartRedis(tb)}}
	host, port, err := net.SplitHostPort(s.Servers[0].Addr())
	if err != nil {
		tb.Fatal(err)
	}
	for range 2 {
		s.Servers = append(s.Servers, StartRedis(tb, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0"))
	}
	for range 3 {
		own := FreePort(tb)
		conf := filepath.Join(tb.TempDir(), "sentinel.conf")
		text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor main %s %s 2\n"+
			"sentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n", own, host, port)
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
		//nolint:gosec // redis-sentinel
		Run(tb, exec.CommandContext(context.Background(), path, conf), "+monitor master")
		s.Addrs = append(s.Addrs, net.JoinHostPort("127.0.0.1", own))
	}
	return s
}

// Server returns the server at an address.
func (s *Sentinel) Server(addr string) *Redis {
	for _, r := range s.Servers {
		if r.Addr() == addr {
			return r
		}
	}
	return nil
}
