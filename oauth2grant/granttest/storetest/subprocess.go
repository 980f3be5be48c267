package storetest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

const (
	envRole  = "OAUTH2GRANT_STORETEST_ROLE"
	envName  = "OAUTH2GRANT_STORETEST_NAME"
	envPlace = "OAUTH2GRANT_STORETEST_PLACE"
)

// registered are the harnesses that a child of this test binary knows.
var registered = map[string]bool{}

// Subprocess lets the suite start this test binary again as another process
// with the same stores. Call it first in TestMain, with every Harness that has
// Processes set: it returns at once in the binary that go test has started, and
// never in a child.
func Subprocess(harnesses ...Harness) {
	role := os.Getenv(envRole)
	for _, h := range harnesses {
		registered[h.Name] = true
		if role != "" && h.Name == os.Getenv(envName) {
			if err := perform(h, role); err != nil {
				fmt.Println("error:", err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	if role != "" {
		fmt.Println("error: TestMain gives Subprocess no harness of this name")
		os.Exit(1)
	}
}

// perform is what a child does.
func perform(h Harness, role string) error {
	s, err := h.Open(os.Getenv(envPlace))
	if err != nil {
		return err
	}
	ctx, note, stop := progress.Watch(context.Background(), patience)
	defer stop()
	verb, count, _ := strings.Cut(role, " ")
	n, _ := strconv.Atoi(count)
	switch verb {
	case "hold": // the lock until standard input ends
		return underLock(context.Background(), s, func(context.Context) error {
			fmt.Println("held")
			_, err := io.Copy(io.Discard, os.Stdin)
			return err
		})
	case "count": // n times under the lock
		for range n {
			if err := underLock(ctx, s, func(held context.Context) error { return countOn(held, s) }); err != nil {
				return err
			}
			note()
			fmt.Println(alive)
		}
		fmt.Println("counted")
		return nil
	case "save": // n tokens, each told when it is durable
		return saveOn(n, func() error { note(); return countOn(ctx, s) })
	case "locked-save":
		return saveOn(n, func() error {
			note()
			return underLock(ctx, s, func(held context.Context) error { return countOn(held, s) })
		})
	}
	return fmt.Errorf("no role %q", role)
}

func saveOn(times int, save func() error) error {
	for range times {
		if err := save(); err != nil {
			return err
		}
		fmt.Println("saved")
	}
	return nil
}

// child is another process at work on the place.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	note  func()
}

// start runs a child.
func (b *bench) start(role string) (*child, error) {
	if !registered[b.Name] {
		return nil, fmt.Errorf("harness %q: call storetest.Subprocess with it in TestMain", b.Name)
	}
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(b.ctx, binary) //nolint:gosec // this very test binary
	cmd.Env = append(os.Environ(), envRole+"="+role, envName+"="+b.Name, envPlace+"="+b.place)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd, stdin, bufio.NewScanner(stdout), b.note}, nil
}

// alive is a line that says only that there is progress.
const alive = "alive"

// says waits for a line.
func (c *child) says(want string) error {
	for c.lines.Scan() {
		c.note()
		switch got := c.lines.Text(); got {
		case want:
			return nil
		case alive:
		default:
			return fmt.Errorf("another process says %q, want %q", got, want)
		}
	}
	return fmt.Errorf("another process ended, want %q", want)
}

// finish lets the child come to its end.
func (c *child) finish() error {
	_ = c.stdin.Close()
	for c.lines.Scan() {
		if text := c.lines.Text(); strings.HasPrefix(text, "error:") {
			_ = c.cmd.Wait()
			return fmt.Errorf("another process says %q", text)
		}
	}
	return c.cmd.Wait()
}

// kill ends the child as kill -9 does, and returns the number of lines it had
// still said.
func (c *child) kill() int {
	_ = c.cmd.Process.Kill()
	_ = c.stdin.Close()
	said := 0
	for c.lines.Scan() {
		said++
	}
	_ = c.cmd.Wait()
	return said
}
