package testservers

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedis_KeepsItsDataAcrossStopAndKill(t *testing.T) {
	r := StartRedis(t)
	r.expect(t, "PING", "+PONG")
	r.expect(t, "SET color blue", "+OK")
	r.Stop()
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.Addr()); err == nil {
		conn.Close()
		t.Fatal("it still listens after Stop")
	}
	r.Start()
	r.expect(t, "INCR visits", ":1")
	r.Kill()
	r.Start()
	r.expect(t, "STRLEN color", ":4")
	r.expect(t, "INCR visits", ":2")
}

// expect sends an inline command and compares the line of the answer.
func (r *Redis) expect(t *testing.T, command, want string) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, command+"\r\n"); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if got := strings.TrimSpace(line); err != nil || got != want {
		t.Fatalf("%s: got %q, %v; want %q", command, got, err, want)
	}
}

func TestPostgres_KeepsItsDataAcrossStopAndKill(t *testing.T) {
	p := StartPostgres(t)
	p.expect(t, "SELECT 1", "1")
	p.expect(t, "CREATE TABLE visit (n int); INSERT INTO visit VALUES (1) RETURNING n", "CREATE TABLE\n1\nINSERT 0 1")
	p.Stop()
	p.Start()
	p.expect(t, "INSERT INTO visit VALUES (2) RETURNING n", "2\nINSERT 0 1")
	p.Kill()
	p.Start()
	p.expect(t, "SELECT sum(n) FROM visit", "3")
}

func (p *Postgres) expect(t *testing.T, sql, want string) {
	t.Helper()
	psql := exec.CommandContext(t.Context(), Command(t, "psql", "postgres"), p.URL(), "-X", "-A", "-t", "-c", sql)
	out, err := psql.CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != want {
		t.Fatalf("%s: got %q, %v; want %q", sql, got, err, want)
	}
}

// verdict notes how a test ended.
type verdict struct {
	testing.TB
	failed, skipped bool
}

func (v *verdict) Helper()               {}
func (v *verdict) Fatalf(string, ...any) { v.failed = true; runtime.Goexit() }
func (v *verdict) Skipf(string, ...any)  { v.skipped = true; runtime.Goexit() }

func TestCommand_AMissingServerFailsInCIAndSkipsElsewhere(t *testing.T) {
	for _, tc := range []struct {
		name, ci        string
		failed, skipped bool
	}{
		{"in CI", "true", true, false},
		{"elsewhere", "", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("CI", tc.ci)
			t.Setenv("PATH", "")
			v := &verdict{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				StartRedis(v)
			}()
			<-done
			if v.failed != tc.failed || v.skipped != tc.skipped {
				t.Fatalf("failed %t, skipped %t", v.failed, v.skipped)
			}
		})
	}
}

func TestKeep_StartsAgainWhatHasEnded(t *testing.T) {
	started := make(chan *Process, 2)
	run := func() *Process {
		proc, _ := Run(t, exec.CommandContext(context.Background(), "sh", "-c", "echo up; exec sleep 1000"), "up")
		started <- proc
		return proc
	}
	keep(t, run(), run)
	progress.Await(t, "start", started).End(t, os.Kill)
	progress.Await(t, "second start", started)
}
