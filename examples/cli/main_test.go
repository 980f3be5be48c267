package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// TestMain is main itself in the processes that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv("CLI_TEST_MAIN") != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func start(t *testing.T) *authserver.Server {
	t.Helper()
	server, err := authserver.Start(authserver.Config{TokenDelay: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	t.Setenv("OAUTH_CLIENT_SECRET", "worker-secret")
	return server
}

func argsFor(server *authserver.Server, file string) []string {
	return []string{"-issuer", server.Issuer(), "-id", "worker", "-scope", "read", "-api", server.Issuer() + "/api/orders", "-file", file}
}

func TestTenCopiesAtOnceMakeOneTokenRequest(t *testing.T) {
	server := start(t)
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "private", "token.json")
	var copies sync.WaitGroup
	for range 10 {
		copies.Go(func() {
			cmd := exec.CommandContext(t.Context(), binary, argsFor(server, file)...)
			cmd.Env = append(os.Environ(), "CLI_TEST_MAIN=1", "GORACE=atexit_sleep_ms=0")
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "teapot") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	copies.Wait()
	if tokens, calls := server.Count("/token"), server.Count("/api/orders"); tokens != 1 || calls != 10 {
		t.Errorf("%d token requests and %d calls of the API, want 1 and 10", tokens, calls)
	}
}

func TestWithoutSetUpItCallsItsOwnServer(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	if err := run(t.Context(), &out, nil); err != nil || !strings.Contains(out.String(), "teapot") {
		t.Errorf("%v: %s", err, &out)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestACommandThatMustNeverAskMakesDoWithTheFile(t *testing.T) {
	server := start(t)
	args := argsFor(server, filepath.Join(t.TempDir(), "private", "token.json"))
	never := append([]string{"-never-ask"}, args...)
	if err := run(t.Context(), new(bytes.Buffer), never); !errors.Is(err, oauth2grant.ErrLoginRequired) {
		t.Errorf("without a token: %v, want ErrLoginRequired", err)
	}
	for _, args := range [][]string{args, never} {
		if err := run(t.Context(), new(bytes.Buffer), args); err != nil {
			t.Error(err)
		}
	}
	if got := server.Count("/token"); got != 1 {
		t.Errorf("%d token requests, want 1", got)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	if err := run(t.Context(), new(bytes.Buffer), []string{"-issuer", "https://login.example.test"}); err == nil {
		t.Error("it ran without a client")
	}
}
