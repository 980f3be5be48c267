package chaos

import (
	"encoding/json"
	"io"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/workers"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

// process is a worker as the test sees it.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when it has, and all that it wrote is in the journal
}

// startProcess starts a worker. It ends with the test at the latest.
func startProcess(t *testing.T, j *journal, s spec) *process {
	t.Helper()
	cmd, in, out := workers.Start(t, s)
	p := &process{cmd: cmd, stdin: in, ended: make(chan struct{})}
	ready := make(chan struct{})
	started := sync.OnceFunc(func() { close(ready) })
	go func() {
		defer close(p.ended)
		for entries := json.NewDecoder(out); ; {
			var e entry
			if entries.Decode(&e) != nil {
				break // it has ended, perhaps in the middle of a line
			}
			if e.What == starts {
				started()
			}
			j.add(e)
		}
		_, _ = io.Copy(io.Discard, out)
		_ = p.cmd.Wait() // one that was killed owes us no status
	}()
	t.Cleanup(p.kill)
	select {
	case <-ready:
	case <-p.ended:
		t.Errorf("worker %s ended at its start", s.Who)
	case <-time.After(progress.Limit):
		t.Errorf("worker %s has not started within %v", s.Who, progress.Limit)
	}
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	<-p.ended
}

// end has it close its grants, and waits until it has.
func (p *process) end(t *testing.T, who string) {
	t.Helper()
	_ = p.stdin.Close()
	select {
	case <-p.ended:
	case <-time.After(progress.Limit):
		t.Errorf("worker %s does not end within %v", who, progress.Limit)
		p.kill()
	}
	if !p.cmd.ProcessState.Success() {
		t.Errorf("worker %s ended with %v", who, p.cmd.ProcessState)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
