package servers

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Redis is a redis-server that has every write on disk before it answers it.
type Redis struct {
	tb   testing.TB
	path string
	port string
	args []string
	proc *process
}

// StartRedis starts a redis-server; args go to its command line, after ours.
func StartRedis(tb testing.TB, args ...string) *Redis {
	tb.Helper()
	r := &Redis{tb: tb, path: command(tb, "redis-server", "redis"), port: freePort(tb)}
	r.args = append([]string{
		"--bind", "127.0.0.1", "--port", r.port, "--dir", tb.TempDir(),
		"--save", "", "--appendonly", "yes", "--appendfsync", "always",
	}, args...)
	r.Start()
	return r
}

// Addr is host:port.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", r.port) }

// Start starts it again after Stop or Kill, on the same port with the same data.
func (r *Redis) Start() {
	r.tb.Helper()
	r.proc, _ = run(r.tb, exec.Command(r.path, r.args...), "Ready to accept connections")
}

// Stop shuts it down in good order.
func (r *Redis) Stop() { r.tb.Helper(); r.proc.end(r.tb, syscall.SIGTERM) }

// Kill gives it no chance to.
func (r *Redis) Kill() { r.tb.Helper(); r.proc.end(r.tb, os.Kill) }
