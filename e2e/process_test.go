package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/workers"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

// process is a worker, as the test sees it.
type process struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	orders  *json.Encoder
	reached chan report   // it waits at a point
	ended   chan struct{} // closed when it has

	mu      sync.Mutex
	last    int
	replies map[int]chan report
}

// start starts a worker on the store. It ends with the test at the latest.
func (c common) start(t *testing.T, s spec) *process {
	t.Helper()
	s.Store, s.Place = c.name, c.place
	return startWorker(t, s)
}

func startWorker(t *testing.T, s spec) *process {
	t.Helper()
	cmd, in, out := workers.Start(t, s)
	p := &process{
		cmd: cmd, stdin: in, orders: json.NewEncoder(in),
		reached: make(chan report, 1), ended: make(chan struct{}), replies: map[int]chan report{},
	}
	go p.listen(out)
	t.Cleanup(p.kill)
	return p
}

// listen hands the reports to those who wait for them.
func (p *process) listen(out io.Reader) {
	defer close(p.ended)
	for reports := json.NewDecoder(out); ; {
		var r report
		if err := reports.Decode(&r); err != nil {
			_, _ = io.Copy(io.Discard, out)
			_ = p.cmd.Wait() // a killed one owes us no status
			return
		}
		if r.ID == 0 {
			p.reached <- r
			continue
		}
		p.mu.Lock()
		reply := p.replies[r.ID]
		p.mu.Unlock()
		reply <- r
	}
}

// pending is an order that is being carried out.
type pending struct {
	p     *process
	order order
	reply chan report
}

// order returns an order and does not wait.
func (p *process) order(t *testing.T, o order) pending {
	t.Helper()
	p.mu.Lock()
	p.last++
	o.ID = p.last
	reply := make(chan report, 1)
	p.replies[o.ID] = reply
	p.mu.Unlock()
	if err := p.orders.Encode(o); err != nil {
		t.Fatal(err)
	}
	return pending{p, o, reply}
}

// wait returns the report on it. It fails the test when nothing comes for
// [progress.Limit] after the order should have been carried out.
func (o pending) wait(t *testing.T) report {
	t.Helper()
	select {
	case r := <-o.reply:
		return r
	case <-o.p.ended:
	case <-time.After(o.order.For + o.order.Patience + progress.Limit):
		t.Fatalf("the worker says nothing of %q for %v", o.order.Do, progress.Limit)
	}
	select {
	case r := <-o.reply:
		return r
	default:
		t.Fatal("the worker has ended")
		return report{}
	}
}

// do returns an order and waits for the report.
func (p *process) do(t *testing.T, e errand) report {
	t.Helper()
	return p.order(t, order{Do: e}).wait(t)
}

// stopAt stops the worker when it next comes to a point, which orders, given
// afterwards, lead it to.
func (p *process) stopAt(t *testing.T, at point) {
	t.Helper()
	p.order(t, order{Do: doStop, Point: at}).wait(t)
}

// until returns an order that leads the worker to the point, and waits until it
// is there.
func (p *process) until(t *testing.T, at point, o order) (carried pending, there report) {
	t.Helper()
	p.stopAt(t, at)
	carried = p.order(t, o)
	select {
	case there = <-p.reached:
	case r := <-carried.reply:
		t.Fatalf("the worker never came to %q: %+v", at, r)
	case <-p.ended:
		t.Fatalf("the worker ended before it came to %q", at)
	case <-time.After(progress.Limit):
		t.Fatalf("the worker did not come to %q within %v", at, progress.Limit)
	}
	return carried, there
}

// kill returns it no chance, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only when it has ended
	<-p.ended
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// end lets it close its grant, and waits until it has.
func (p *process) end(t *testing.T) {
	t.Helper()
	if err := p.stdin.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	<-p.ended
	if !p.cmd.ProcessState.Success() {
		t.Errorf("the worker ended with %v", p.cmd.ProcessState)
	}
}

// is reports whether the order failed for the cause of that name.
func (r report) is(name string) bool { return slices.Contains(r.Is, name) }

// tokenFrom returns the report on an order that must not fail.
func (p *process) tokenFrom(t *testing.T, e errand) report {
	t.Helper()
	r := p.do(t, e)
	if r.Err != "" {
		t.Fatalf("%s: %s", e, r.Err)
	}
	return r
}

const aWhile = 300 * time.Millisecond // of those who wait for what does not come
