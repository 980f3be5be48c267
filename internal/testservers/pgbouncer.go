package testservers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// StartPgBouncer starts a PgBouncer in transaction mode before a PostgreSQL,
// and returns the connection string.
func StartPgBouncer(tb testing.TB, p *Postgres) (url string) {
	tb.Helper()
	path, port := Command(tb, "pgbouncer", "postgres"), FreePort(tb)
	host, serverPort, err := net.SplitHostPort(p.Addr())
	if err != nil {
		tb.Fatal(err)
	}
	users, conf := filepath.Join(p.data, "bouncer-users.txt"), filepath.Join(p.data, "bouncer.ini")
	text := fmt.Sprintf("[databases]\npostgres = host=%s port=%s dbname=postgres user=postgres\n"+
		"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=%s\nunix_socket_dir=\n"+
		"auth_type=any\nauth_file=%s\npool_mode=transaction\ndefault_pool_size=3\nserver_login_retry=1\n",
		host, serverPort, port, users)
	for name, content := range map[string]string{users: `"postgres" ""`, conf: text} {
		//nolint:gosec // user postgres reads it, and it has no secret
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	run := func() *Process {
		cmd := exec.CommandContext(context.Background(), path, conf) //nolint:gosec // pgbouncer
		cmd.SysProcAttr = p.as
		proc, _ := Run(tb, cmd, "process up")
		return proc
	}
	keep(tb, run(), run)
	return "postgres://postgres@" + net.JoinHostPort("127.0.0.1", port) + "/postgres?sslmode=disable"
}

// keep starts a process again whenever it has ended, until the test is over:
// PgBouncer 1.18 falls over a request to cancel that is cut off.
func keep(tb testing.TB, proc *Process, again func() *Process) {
	tb.Helper()
	var keeper sync.WaitGroup
	ctx := tb.Context()
	keeper.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-proc.Ended():
			}
			if ctx.Err() != nil {
				return
			}
			proc = again()
		}
	})
	tb.Cleanup(keeper.Wait)
}
