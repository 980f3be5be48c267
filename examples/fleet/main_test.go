package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// TestMain is main itself in the workers that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv(workerVariable) != "" {
		main()
		os.Exit(0)
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	goleak.VerifyTestMain(m)
}

func noEnvironment(string) string { return "" }

func TestRun_RefreshesOnceForAll(t *testing.T) {
	redis := testservers.StartRedis(t)
	var out bytes.Buffer
	err := run(t.Context(), &out, func(name string) string {
		return map[string]string{"REDIS_URL": "redis://" + redis.Addr()}[name]
	}, []string{"-workers", "3", "-for", "6s"})
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	t.Logf("\n%s", &out)
	refreshers := map[string]int{} // of each token
	for _, line := range regexp.MustCompile(`worker \d (refreshed|adopted) token (\d+)`).
		FindAllStringSubmatch(out.String(), -1) {
		if line[1] == "refreshed" {
			refreshers[line[2]]++
		}
	}
	if len(refreshers) == 0 || refreshers["1"] != 0 {
		t.Errorf("tokens were refreshed as %v", refreshers)
	}
	for token, n := range refreshers {
		if n != 1 {
			t.Errorf("%d workers got token %s", n, token)
		}
	}
}

func TestRun_InterruptedFailsAndLeavesNothing(t *testing.T) {
	testservers.Command(t, "redis-server", "redis")
	interrupted := errors.New("interrupted")
	ctx, interrupt := context.WithCancelCause(t.Context())
	err := run(ctx, writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("token 1")) {
			interrupt(interrupted)
		}
		return len(p), nil
	}), noEnvironment, []string{"-workers", "2"})
	if !errors.Is(err, interrupted) {
		t.Errorf("got %v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestRun_WithoutRedisSaysWhatIsMissing(t *testing.T) {
	t.Setenv("PATH", "")
	if err := run(t.Context(), &bytes.Buffer{}, noEnvironment, nil); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestBoard_ATerminalGetsOneTableThatIsDrawnAnew(t *testing.T) {
	var out bytes.Buffer
	b := newBoard(&out, 2)
	b.live = true
	b.update(0, snapshot{Token: "aa", Mine: true, Refreshed: 1})
	b.update(1, snapshot{Token: "aa", Adopted: 1}) // too soon after the first to be drawn
	b.finish()
	before, after, again := strings.Cut(out.String(), "\x1b[3A")
	if !again || strings.Contains(before, "adopted\x1b") || strings.Count(before, "\n") != 3 ||
		strings.Count(after, "\n") != 3 {
		t.Errorf("got %q", &out)
	}
	if !strings.Contains(after, "refreshed") || strings.Count(after, "token 1 ") != 2 {
		t.Errorf("the table lacks a worker: %q", after)
	}
}

func TestJudge(t *testing.T) {
	good := figures{workers: 4, refreshed: 5, refreshers: 3, adopted: 19, calls: 800, requests: 6}
	for name, c := range map[string]struct {
		spoil func(*figures)
		off   bool
	}{
		"good figures pass":                 {func(*figures) {}, false},
		"a token request too many is off":   {func(f *figures) { f.requests++ }, true},
		"a refused token request is off":    {func(f *figures) { f.refusals = 1 }, true},
		"a refused call is off":             {func(f *figures) { f.refused = 1 }, true},
		"a call without a token is off":     {func(f *figures) { f.without = 1 }, true},
		"a worker that made no call is off": {func(f *figures) { f.idle = 1 }, true},
		"workers that adopt nothing is off": {func(f *figures) { f.adopted = 3 }, true},
		"no refresh at all is off":          {func(f *figures) { f.refreshed, f.requests = 0, 1 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			c.spoil(&f)
			if err := f.judge(); (err != nil) != c.off {
				t.Errorf("judge: %v", err)
			}
		})
	}
}
