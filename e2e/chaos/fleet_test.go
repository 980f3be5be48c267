package chaos

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"
)

// slot is a place in the fleet: when its process has ended, it gets the next.
type slot struct {
	fleet *fleet
	n     int

	// mu guards what follows.
	mu    sync.Mutex
	life  int
	alive *process
}

// fleet is the processes that share the sign-ins.
type fleet struct {
	t       *testing.T
	journal *journal
	spec    spec
	slots   []*slot
}

func startFleet(t *testing.T, j *journal, s spec, size int) *fleet {
	t.Helper()
	f := &fleet{t: t, journal: j, spec: s}
	var starting sync.WaitGroup
	for n := range size {
		one := &slot{fleet: f, n: n + 1}
		f.slots = append(f.slots, one)
		starting.Go(one.start)
	}
	starting.Wait()
	return f
}

// who names the process that the slot has.
func (s *slot) who() string { return fmt.Sprintf("%d.%d", s.n, s.life) }

func (s *slot) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.life++
	spec := s.fleet.spec
	spec.Who = s.who()
	s.alive = startProcess(s.fleet.t, s.fleet.journal, spec)
}

// current returns the process that the slot has.
func (s *slot) current() (p *process, who string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alive, s.who()
}

// faults are those of one process. One is stopped for less than the lease, for
// longer, and for longer than a mark lives.
func (s *slot) faults() []fault {
	return []fault{
		{name: "kill", weight: 3, most: time.Second, do: s.kill},
		{name: "end", weight: 1, most: time.Second, do: s.end},
		{name: "stop", weight: 3, least: 200 * time.Millisecond, most: 2 * time.Second, do: s.stop},
		{name: "stop", weight: 2, least: lease + time.Second, most: lease + 2500*time.Millisecond, do: s.stop},
		{name: "stop", weight: 1, least: markLife + time.Second, most: markLife + 3*time.Second, do: s.stop},
	}
}

func (s *slot) kill(_ *testing.T, pass func()) {
	p, who := s.current()
	begin := time.Now()
	p.kill()
	s.fleet.journal.add(entry{Begin: begin, Who: who, What: kills})
	pass()
	s.start()
}

func (s *slot) stop(t *testing.T, pass func()) {
	p, who := s.current()
	begin := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Errorf("worker %s can't be stopped: %v", who, err)
		return
	}
	pass()
	s.fleet.journal.add(entry{Begin: begin, Who: who, What: stops}) // before anything that it does next
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
}

func (s *slot) end(t *testing.T, pass func()) {
	p, who := s.current()
	begin := time.Now()
	p.end(t, who)
	s.fleet.journal.add(entry{Begin: begin, Who: who, What: endsWell})
	pass()
	s.start()
}

// end has all of them end.
func (f *fleet) end() {
	var ending sync.WaitGroup
	for _, s := range f.slots {
		ending.Go(func() {
			p, who := s.current()
			begin := time.Now()
			p.end(f.t, who)
			f.journal.add(entry{Begin: begin, Who: who, What: endsWell})
		})
	}
	ending.Wait()
}
