package servers

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newHTTPClient(t *testing.T) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// discover reads the metadata of an authorization server and gives its token endpoint.
func discover(t *testing.T, hc *http.Client, issuer string) string {
	t.Helper()
	res, err := hc.Get(issuer + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var metadata struct {
		Issuer string `json:"issuer"`
		Token  string `json:"token_endpoint"`
	}
	if err := json.NewDecoder(res.Body).Decode(&metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.Issuer != issuer {
		t.Fatalf("issuer %q, want %q", metadata.Issuer, issuer)
	}
	return metadata.Token
}

// askForToken posts the client credentials and gives the status.
func askForToken(t *testing.T, hc *http.Client, endpoint, secret string) int {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("worker", secret)
	res, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

func TestFositeIssuesTokens(t *testing.T) {
	s := StartFosite(t, authserver.Config{})
	hc := newHTTPClient(t)
	if got := askForToken(t, hc, discover(t, hc, s.Issuer()), "worker-secret"); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
}

func TestOIDCProviderIssuesAndCountsTokens(t *testing.T) {
	s := StartOIDCProvider(t, Options{})
	hc := newHTTPClient(t)
	issuer := s.Issuer()
	endpoint := discover(t, hc, issuer)
	if got := askForToken(t, hc, endpoint, "worker-secret"); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	if got := askForToken(t, hc, endpoint, "guess"); got != http.StatusUnauthorized {
		t.Fatalf("status %d for a wrong secret", got)
	}
	stats := s.Stats(t)
	if stats.TokenRequests != 2 || stats.Refusals != 1 || stats.Paths["/token"] != 2 ||
		stats.GrantTypes["client_credentials"] != 2 || stats.Errors["invalid_client"] != 1 {
		t.Fatalf("stats %+v", stats)
	}

	s.Restart()
	if s.Issuer() != issuer || s.Stats(t).TokenRequests != 0 {
		t.Fatalf("after a restart: issuer %s, stats %+v", s.Issuer(), s.Stats(t))
	}
}

func TestRedisKeepsItsDataAcrossStopAndKill(t *testing.T) {
	r := StartRedis(t)
	r.expect(t, "PING", "+PONG")
	r.expect(t, "SET color blue", "+OK")
	r.Stop()
	if conn, err := net.Dial("tcp", r.Addr()); err == nil {
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
	conn, err := net.Dial("tcp", r.Addr())
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

func TestPostgresKeepsItsDataAcrossStopAndKill(t *testing.T) {
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
	psql := exec.CommandContext(t.Context(), command(t, "psql", "postgres"), p.URL(), "-X", "-A", "-t", "-c", sql)
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

func TestAMissingServerFailsInCIAndSkipsElsewhere(t *testing.T) {
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
