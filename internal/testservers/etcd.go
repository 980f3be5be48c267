package testservers

import (
	"context"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Etcd is an etcd of one member.
type Etcd struct {
	tb         testing.TB
	args       []string
	path, dir  string
	port, peer string
	proc       *Process
}

// StartEtcd starts an etcd; args go to its command line, after ours.
func StartEtcd(tb testing.TB, args ...string) *Etcd {
	tb.Helper()
	e := &Etcd{
		tb: tb, args: args, path: Command(tb, "etcd", "etcd"),
		dir: tb.TempDir(), port: FreePort(tb), peer: FreePort(tb),
	}
	e.Start()
	return e
}

// Addr is host:port.
func (e *Etcd) Addr() string { return net.JoinHostPort("127.0.0.1", e.port) }

// Start starts it again after Stop or Kill, on the same port with the same
// data.
func (e *Etcd) Start() {
	e.tb.Helper()
	client, peer := "http://"+e.Addr(), "http://"+net.JoinHostPort("127.0.0.1", e.peer)
	args := append([]string{
		"--data-dir", e.dir,
		"--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer,
	}, e.args...)
	cmd := exec.CommandContext(context.Background(), e.path, args...) //nolint:gosec // etcd
	e.proc, _ = Run(e.tb, cmd, "ready to serve client requests")
}

// Stop shuts it down in good order.
func (e *Etcd) Stop() { e.tb.Helper(); e.proc.End(e.tb, syscall.SIGTERM) }

// Kill returns it no chance to.
func (e *Etcd) Kill() { e.tb.Helper(); e.proc.End(e.tb, os.Kill) }
