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
)

const (
	startTime = 3 * time.Minute
	stopTime  = 15 * time.Second
)

// Process is a server program that says on its output when it is ready.
type Process struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when it and all who held its output, its children, have ended
}

// Run starts cmd and waits for a line with the mark in it, which it returns. The
// process ends with the test.
func Run(tb testing.TB, cmd *exec.Cmd, mark string) (*Process, string) {
	tb.Helper()
	p, line, ready := TryRun(tb, cmd, mark, startTime)
	if !ready {
		tb.Fatalf("%s did not become ready", p.name())
	}
	return p, line
}

// TryRun is Run that says, after some time, that the process has not become ready,
// and logs what it is waiting for.
func TryRun(tb testing.TB, cmd *exec.Cmd, mark string, patience time.Duration) (p *Process, line string, ready bool) {
	tb.Helper()
	p = &Process{cmd: cmd, output: &output{mark: mark, ready: make(chan string, 1)}, ended: make(chan struct{})}
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
		return p, line, true
	case <-p.ended:
		tb.Logf("%s ended before it was ready:\n%s", p.name(), p.output)
	case <-time.After(patience):
		tb.Logf("%s was not ready after %v:\n%s\n%s", p.name(), patience, p.output, p.look())
	}
	return p, "", false
}

// look tells what the process and its children are doing.
func (p *Process) look() string {
	pid := strconv.Itoa(p.cmd.Process.Pid)
	text, err := exec.CommandContext(context.Background(), "ps", "-o", "pid,ppid,stat,wchan:30,args", "-p", pid, "--ppid", pid).CombinedOutput() //nolint:gosec // our own process
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
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.ended
		tb.Errorf("%s did not end within %v of %v", p.name(), stopTime, signal)
	}
}

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// output keeps what a process writes and looks for its ready line.
type output struct {
	mark  string
	ready chan string // gets the first line with the mark

	mu   sync.Mutex
	text bytes.Buffer
	seen bool
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(b)
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
