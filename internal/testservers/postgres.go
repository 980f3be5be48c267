package testservers

import (
	"cmp"
	"context"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

// Postgres is a PostgreSQL server with an empty cluster. It refuses to run as
// root, and then runs as user postgres.
type Postgres struct {
	tb   testing.TB
	bin  string
	data string
	port string
	as   *syscall.SysProcAttr
	proc *Process
}

// StartPostgres makes a cluster and starts its server.
func StartPostgres(tb testing.TB) *Postgres {
	tb.Helper()
	p := &Postgres{tb: tb, bin: postgresBin(tb), port: FreePort(tb)}
	p.ownData()
	initdb := p.command("initdb", "-D", p.data, "-U", "postgres",
		"--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v\n%s", err, out)
	}
	p.Start()
	return p
}

// Addr is host:port.
func (p *Postgres) Addr() string { return net.JoinHostPort("127.0.0.1", p.port) }

// URL is the connection string of user postgres, who needs no password.
func (p *Postgres) URL() string {
	return "postgres://postgres@" + p.Addr() + "/postgres?sslmode=disable"
}

// Start starts it again after Stop or Kill, on the same port with the same
// data.
func (p *Postgres) Start() {
	p.tb.Helper()
	p.proc, _ = Run(p.tb, p.command("postgres", "-D", p.data, "-p", p.port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "logging_collector=off"),
		"database system is ready to accept connections")
}

// Stop shuts it down in good order, without waiting for connections to end.
func (p *Postgres) Stop() { p.tb.Helper(); p.proc.End(p.tb, syscall.SIGINT) }

// Kill returns it no chance to.
func (p *Postgres) Kill() { p.tb.Helper(); p.proc.End(p.tb, os.Kill) }

func (p *Postgres) command(name string, args ...string) *exec.Cmd {
	//nolint:gosec // a program of PostgreSQL
	cmd := exec.CommandContext(context.Background(), filepath.Join(p.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = p.data, p.as
	cmd.Env = append(os.Environ(), "LC_ALL=C") // its messages are read
	return cmd
}

// ownData makes the data folder, and hands it to user postgres if we are root.
// The test's own folder would be closed to them.
func (p *Postgres) ownData() {
	p.tb.Helper()
	dir, err := os.MkdirTemp("", "e2e-postgres-")
	if err != nil {
		p.tb.Fatal(err)
	}
	p.data = dir
	p.tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			p.tb.Error(err)
		}
	})
	if os.Geteuid() != 0 {
		return
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		Missing(p.tb, "the user postgres, whom the server runs as when root tests it,", "postgres")
	}
	uid, uidErr := strconv.ParseUint(account.Uid, 10, 31)
	gid, gidErr := strconv.ParseUint(account.Gid, 10, 31)
	if err := cmp.Or(uidErr, gidErr); err != nil {
		p.tb.Fatal(err)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		p.tb.Fatal(err)
	}
	p.as = owner(uint32(uid), uint32(gid))
}

// postgresBin is the folder of the server programs: that of the PATH, else
// Debian's newest.
func postgresBin(tb testing.TB) string {
	tb.Helper()
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path)
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		Missing(tb, "PostgreSQL", "postgres")
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return cmp.Compare(version(a), version(b)) }))
}
