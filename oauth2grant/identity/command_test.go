package identity_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

// command is what this test program does when it is run as the command.
func command(do string, args []string) {
	switch do {
	case "print":
		fmt.Println(args[0])
	case "count": // its runs, in the file args[1]
		f, _ := os.OpenFile(args[1], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		_, _ = f.WriteString(".")
		_ = f.Close()
		fmt.Println(args[0])
	case "fail":
		fmt.Println("MARK")
		fmt.Fprintln(os.Stderr, "MARK")
		os.Exit(3)
	case "flood":
		for {
			if _, err := fmt.Println(strings.Repeat("MARK", 1000)); err != nil {
				time.Sleep(time.Hour)
			}
		}
	case "hang": // as its child does, whose process id it writes to args[0]
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "IDENTITY_TEST_COMMAND=sleep")
		child.Stdout = os.Stdout
		_ = child.Start()
		_ = os.WriteFile(args[0]+"_", []byte(strconv.Itoa(child.Process.Pid)), 0o600)
		_ = os.Rename(args[0]+"_", args[0])
		time.Sleep(time.Hour)
	case "leave": // a child behind that keeps the output open
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "IDENTITY_TEST_COMMAND=nap")
		child.Stdout = os.Stdout
		_ = child.Start()
		fmt.Println(args[0])
	case "nap":
		time.Sleep(5 * time.Second)
	case "sleep":
		time.Sleep(time.Hour)
	case "input":
		n, err := os.Stdin.Read(make([]byte, 1))
		fmt.Println(n, err)
	}
}

// running returns a Command that runs this test program.
func running(t *testing.T, do string, args ...string) identity.Source {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("IDENTITY_TEST_COMMAND", do)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	return identity.Command(self, args...)
}

func TestCommand_ReturnsItsOutput(t *testing.T) {
	for name, content := range good {
		t.Run(name, func(t *testing.T) {
			want := content()
			if got := get(t, running(t, "print", want)); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestCommand_KnowsNoShell(t *testing.T) {
	const text = "$(MARK)`x`;*"
	if got := get(t, running(t, "print", text)); got != text {
		t.Errorf("got %q", got)
	}
}

func TestCommand_Refuses(t *testing.T) {
	for name, c := range bad {
		if strings.ContainsRune(c.content(), 0) || len(c.content()) > 100_000 {
			continue // no argument of a command
		}
		t.Run(name, func(t *testing.T) { wantError(t, running(t, "print", c.content()), c.want) })
	}
	t.Run("a failure", func(t *testing.T) { wantError(t, running(t, "fail"), "exit status 3", "by hand") })
	t.Run("a flood", func(t *testing.T) { wantError(t, running(t, "flood"), "64 KiB") })
	t.Run("a command that is not there", func(t *testing.T) {
		wantError(t, identity.Command(filepath.Join(t.TempDir(), "none")), "could not be run", "none")
	})
}

func TestCommand_RunsAgainWhenItsAssertionEnds(t *testing.T) {
	runs := filepath.Join(t.TempDir(), "runs")
	s := running(t, "count", lasting(time.Hour), runs)
	for range 3 {
		get(t, s)
	}
	if text, _ := os.ReadFile(runs); len(text) != 1 {
		t.Errorf("ran %d times", len(text))
	}
}

func TestCommand_TakesAnOutputThatStaysOpen(t *testing.T) {
	if got := get(t, running(t, "leave", "opaque")); got != "opaque" {
		t.Errorf("got %q", got)
	}
}

func TestCommand_DiesWithItsContextAndItsChildren(t *testing.T) {
	child := filepath.Join(t.TempDir(), "child")
	s := running(t, "hang", child)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if _, err := os.Stat(child); err == nil {
				return
			}
		}
	}()
	if _, err := s(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	text, err := os.ReadFile(child)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text))
	if err != nil {
		t.Fatal(err)
	}
	wantGone(t, pid)
}
