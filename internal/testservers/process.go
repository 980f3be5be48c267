package testservers

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

// Process is a server program that says on its output when it is ready.
type Process struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when it and all who held its output, its children, have ended
}

// Run starts cmd and waits for a line with the mark in it, which it returns. It
// fails the test when the process ends before, or says nothing for
// [progress.Limit]. The process ends with the test.
func Run(tb testing.TB, cmd *exec.Cmd, mark string) (*Process, string) {
	tb.Helper()
	alive, note, stop := progress.Watch(context.WithoutCancel(tb.Context()), progress.Limit)
	defer stop()
	p := &Process{
		cmd: cmd, ended: make(chan struct{}),
		output: &output{mark: mark, ready: make(chan string, 1), note: note},
	}
	cmd.Stdout, cmd.Stderr = p.output, p.output
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // a server that was told to end owes us no particular status
	}()
	tb.Cleanup(func() {
		p.End(tb, os.Kill)
		if tb.Failed() {
			tb.Logf("output of %s:\n%s", p.name(), p.output)
		}
	})
	select {
	case line := <-p.output.ready:
		return p, line
	case <-p.ended:
		tb.Fatalf("%s ended before it was ready", p.name())
	case <-alive.Done():
		tb.Fatalf("%s is not ready: %v\n%s", p.name(), context.Cause(alive), p.look())
	}
	panic("unreachable")
}

// look returns what the process and its children are doing.
func (p *Process) look() string {
	pid := strconv.Itoa(p.cmd.Process.Pid)
	//nolint:gosec // our own process
	ps := exec.CommandContext(context.Background(),
		"ps", "-o", "pid,ppid,stat,wchan:30,args", "-p", pid, "--ppid", pid)
	text, err := ps.CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// End sends the signal and waits until nothing of the process is left.
func (p *Process) End(tb testing.TB, signal os.Signal) {
	tb.Helper()
	_ = p.cmd.Process.Signal(signal) // fails only when it has ended
	select {
	case <-p.ended:
	case <-time.After(progress.Limit):
		_ = p.cmd.Process.Kill()
		<-p.ended
		tb.Errorf("%s did not end within %v of %v", p.name(), progress.Limit, signal)
	}
}

// Ended is closed once nothing of the process is left.
func (p *Process) Ended() <-chan struct{} { return p.ended }

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// output keeps what a process writes and looks for its ready line.
type output struct {
	mark  string
	ready chan string // gets the first line with the mark
	note  func()      // that the process makes progress

	mu   sync.Mutex
	text bytes.Buffer
	seen bool
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
	o.note()
	if o.seen {
		return len(b), nil
	}
	for line := range strings.Lines(o.text.String()) {
		if strings.HasSuffix(line, "\n") && strings.Contains(line, o.mark) {
			o.seen = true
			o.ready <- strings.TrimSpace(line)
			break
		}
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
