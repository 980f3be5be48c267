package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines runs the worker until enough says so of a line, and returns what it
// logged.
func lines(t *testing.T, env map[string]string, enough func(line string) bool) (logged []string, err error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, in, func(name string) string { return env[name] })
		_ = in.Close()
		ended <- err
	}()
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		logged = append(logged, scanner.Text())
		if enough(scanner.Text()) {
			stop()
		}
	}
	return logged, <-ended
}

func called(line string) bool {
	return strings.Contains(line, "msg=called") && strings.Contains(line, `status="200 OK"`)
}

func TestRun_WithoutSetUpCallsItsOwnServer(t *testing.T) {
	calls := 0
	logged, err := lines(t, nil, func(line string) bool {
		if called(line) {
			calls++
		}
		return calls == 2
	})
	if err != nil || calls < 2 {
		t.Fatalf("%d calls, then %v:\n%s", calls, err, strings.Join(logged, "\n"))
	}
	tokens := 0
	for _, line := range logged {
		if strings.Contains(line, `msg="token obtained"`) {
			tokens++
		}
	}
	if tokens != 1 {
		t.Errorf("%d tokens were obtained for the first two calls, want 1:\n%s", tokens, strings.Join(logged, "\n"))
	}
}

func TestRun_CallsTheServerThatTheEnvironmentNames(t *testing.T) {
	server := start(t)
	logged, err := lines(t, environmentFor(server), called)
	if err != nil {
		t.Fatalf("%v:\n%s", err, strings.Join(logged, "\n"))
	}
	if got := server.Count("/api/orders"); got == 0 {
		t.Errorf("the API was not called:\n%s", strings.Join(logged, "\n"))
	}
}

func TestRun_ReportsAWrongSecretAndDoesNotAskAtEveryCall(t *testing.T) {
	server := start(t)
	env := environmentFor(server)
	env["OAUTH_CLIENT_SECRET"] = "not-the-secret"
	failures := 0
	logged, err := lines(t, env, func(line string) bool {
		if strings.Contains(line, `msg="call failed"`) && strings.Contains(line, "invalid_client") {
			failures++
		}
		return failures == 3
	})
	if err != nil || failures < 3 {
		t.Fatalf("%d failures, then %v:\n%s", failures, err, strings.Join(logged, "\n"))
	}
	if got := server.Count("/token"); got != 1 {
		t.Errorf("%d token requests, want 1", got)
	}
	if all := strings.Join(logged, "\n"); strings.Contains(all, "not-the-secret") {
		t.Errorf("the secret was logged:\n%s", all)
	}
}

func TestEnvironment_NamesAllThatIsMissing(t *testing.T) {
	_, err := lines(t, map[string]string{"OAUTH_ISSUER": "https://login.example.test", "OAUTH_CLIENT_ID": "w"},
		func(string) bool { return true })
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) || len(all.Unwrap()) != 2 {
		t.Errorf("got %v, want one error for OAUTH_CLIENT_SECRET and one for API_URL", err)
	}
}

func start(t *testing.T) *authserver.Server {
	t.Helper()
	server, err := authserver.Start(authserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func environmentFor(server *authserver.Server) map[string]string {
	return map[string]string{
		"OAUTH_ISSUER": server.Issuer(), "OAUTH_CLIENT_ID": "worker", "OAUTH_CLIENT_SECRET": "worker-secret",
		"OAUTH_SCOPE": "read", "API_URL": server.Issuer() + "/api/orders",
	}
}
