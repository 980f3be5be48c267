package testservers

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// Redis is a redis-server that has every write on disk before it answers it.
type Redis struct {
	tb   testing.TB
	path string
	port string
	args []string
	proc *Process
}

// StartRedis starts a redis-server; args go to its command line, after ours.
func StartRedis(tb testing.TB, args ...string) *Redis {
	tb.Helper()
	r := &Redis{tb: tb, path: Command(tb, "redis-server", "redis"), port: FreePort(tb)}
	if slices.Contains(args, "--cluster-enabled") {
		r.port = freeClusterPort(tb)
	}
	r.args = append([]string{
		"--bind", "127.0.0.1", "--port", r.port, "--dir", tb.TempDir(),
		"--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}, args...)
	r.Start()
	return r
}

// freeClusterPort returns a free port whose bus, 10000 above, has one below
// those of outgoing connections too.
func freeClusterPort(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		if port := 20000 + rand.IntN(2000); isFree(tb, port) && isFree(tb, port+10000) {
			return strconv.Itoa(port)
		}
	}
	tb.Fatal("no free port between 20000 and 22000 for a cluster")
	return ""
}

// Addr is host:port.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", r.port) }

// Start starts it again after Stop or Kill, on the same port with the same
// data.
func (r *Redis) Start() {
	r.tb.Helper()
	cmd := exec.CommandContext(context.Background(), r.path, r.args...) //nolint:gosec // redis-server
	r.proc, _ = Run(r.tb, cmd, "Ready to accept connections")
}

// Stop shuts it down in good order.
func (r *Redis) Stop() { r.tb.Helper(); r.proc.End(r.tb, syscall.SIGTERM) }

// Kill returns it no chance to.
func (r *Redis) Kill() { r.tb.Helper(); r.proc.End(r.tb, os.Kill) }
