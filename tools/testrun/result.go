package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"
)

// result is what became of a step.
type result struct {
	step
	tests   tests
	errs    []string // of commands that failed
	current atomic.Pointer[command]
}

// run runs the commands, each although another has failed.
func (r *result) run(ctx context.Context, out *console) {
	for _, c := range r.commands {
		r.current.Store(&c)
		if err := r.execute(ctx, c, out); err != nil {
			r.errs = append(r.errs, fmt.Sprintf("FAIL\t%s: %s: %v", r.name, c, err))
		}
	}
}

func (r *result) execute(ctx context.Context, c command, out *console) error {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...) //nolint:gosec // the commands of plan
	cmd.Dir, cmd.Env = r.dir, append(os.Environ(), c.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	cmd.Stderr = out
	if !c.tests {
		cmd.Stdout = out
		return cmd.Run()
	}
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if err := r.tests.read(events, out); err != nil {
		out.printf("%v\n", err)
		_, _ = io.Copy(out, events)
	}
	return cmd.Wait()
}

func (r *result) passed() bool { return len(r.errs) == 0 }

// failures returns the commands that failed, and then the failing tests and
// packages in the words of go test.
func (r *result) failures() []string {
	if r.passed() {
		return nil // what looks like a failure is what a test has printed
	}
	return append(r.errs, r.tests.failed...)
}

// status says what is running.
func (r *result) status() string {
	c := r.current.Load()
	switch {
	case c == nil:
		return "about to begin"
	case !c.tests:
		return c.String()
	default:
		return r.tests.status()
	}
}

func (c command) String() string { return strings.Join(append(c.env, c.args...), " ") }
