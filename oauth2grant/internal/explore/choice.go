package explore

import (
	"fmt"
	"time"
)

// kind is what the explorer does in one step.
type kind uint8

const (
	lets   kind = iota // a gate lets its call pass
	wakes              // a process that was stopped goes on
	calls              // somebody calls a method
	leaves             // a caller's context ends
	waits              // time passes although something could go on
	kills              // a process is killed
	stops              // a process is stopped for longer than a mark lives
	lapses             // the holder of the lock loses it
	takes              // the store is away for a while
	rolls              // the store goes back in time, by one change of the token
	ends               // the context that New was given ends
	jumps              // a process's wall clock jumps, back or ahead of the others'
)

var kindNames = [...]string{
	wakes: "wakes", kills: "killed", stops: "stopped", lapses: "lapses", ends: "ends", jumps: "jumps",
}

// choice is one thing that can happen next.
type choice struct {
	kind  kind
	mode  mode
	nth   uint8 // among the like, by arrival
	index uint8 // of the call
	p     *process
	g     *gate
	c     *call

	reads, writes uint32 // what it touches
}

// What a choice can touch. The bits above are the processes.
const (
	record uint32 = 1 << iota
	lock
	atServer
	firstProcess
	everything = ^uint32(0)
)

var touches = [ops]struct{ reads, writes uint32 }{
	opLoad:         {reads: record},
	opSave:         {writes: record | lock},
	opSaveAnswer:   {writes: record | lock},
	opDelete:       {writes: record | lock},
	opLock:         {reads: record, writes: lock},
	opUnlock:       {writes: lock},
	opAuthenticate: {},
	opBody:         {reads: lock},
	opArrive:       {writes: atServer},
	opAnswer:       {writes: atServer},
	opRevoke:       {writes: atServer},
	opFlow:         {writes: atServer},
	opLoaded:       {},
}

// independent reports whether two choices commute: whichever comes first, the
// other is still possible and the same follows.
func independent(a, b *choice) bool {
	return a.writes&(b.reads|b.writes) == 0 && b.writes&a.reads == 0
}

// fault reports whether a choice counts as a fault.
func (c *choice) fault() bool { return c.kind >= leaves || c.mode != passes }

// id tells a choice from every other that is possible at the same time.
func (c *choice) id() uint64 {
	id := uint64(c.kind)<<32 | uint64(c.mode)<<24 | uint64(c.nth)<<16 | uint64(c.index)
	if c.p != nil {
		id |= uint64(c.p.index+1) << 40 //nolint:gosec // of three processes
	}
	if c.g != nil {
		id |= uint64(c.g.op) << 8
	}
	return id
}

// String names a choice as schedules do.
func (c *choice) String() string {
	switch c.kind {
	case lets:
		name := c.p.String() + "." + opNames[c.g.op]
		if c.nth > 0 {
			name += fmt.Sprintf("#%d", c.nth+1)
		}
		return name + [...]string{"", ":fails", ":lost", ":late"}[c.mode]
	case calls:
		return c.c.String() + "()"
	case leaves:
		return c.c.String() + "():left"
	case waits:
		return "time"
	case takes:
		return "store:away"
	case rolls:
		return "store:back"
	default:
		return c.p.String() + ":" + kindNames[c.kind]
	}
}

// choices appends to cs what can happen next. What a fair run does comes first.
// Without faults there is nothing else than what has to happen.
func (w *world) choices(cs []choice, faults bool) []choice {
	cs = w.appendGates(cs)
	for i, c := range w.calls {
		if c.began == 0 && !c.p.killed && !c.p.stopped {
			begin := choice{kind: calls, p: c.p, c: c, index: uint8(i), writes: c.p.bit()}
			if c.name != "Token" && c.name != "RefreshToken" && c.name != "Invalidate" {
				begin.writes = everything // the rules compare when it began
			}
			cs = append(cs, begin)
		}
	}
	for _, p := range w.processes { // late, so that others have taken the lock by then
		if p.stopped && !p.killed {
			cs = append(cs, choice{kind: wakes, p: p, writes: p.bit() | lock})
		}
	}
	if faults && w.faults > 0 && len(cs) > 0 {
		cs = w.appendFaults(cs)
	}
	return cs
}

func (p *process) bit() uint32 { return firstProcess << p.index }

func (w *world) appendGates(cs []choice) []choice {
	gates := w.sorted()
	for i, g := range gates {
		if g.p.killed || g.p.stopped || !g.open() {
			continue
		}
		c := choice{kind: lets, p: g.p, g: g, reads: touches[g.op].reads, writes: touches[g.op].writes | g.p.bit()}
		for _, other := range gates[:i] {
			if other.p == g.p && other.op == g.op {
				c.nth++
			}
		}
		if w.scenario.Store == Notifying && touches[g.op].writes&record != 0 {
			c.writes = everything
		}
		cs = append(cs, c)
	}
	return cs
}

func (w *world) appendFaults(cs []choice) []choice {
	const all = everything
	for _, c := range cs {
		if c.kind != lets {
			continue
		}
		if c.g.op == opUnlock && w.scenario.Store == File {
			continue // the lock ends with the file
		}
		for _, m := range modesOf[c.g.op] {
			wrong := c
			wrong.mode = m
			cs = append(cs, wrong)
		}
	}
	for i, c := range w.calls {
		if c.began > 0 && c.ended == 0 && !c.p.killed && c.name != "Close" && !c.hasLeft {
			cs = append(cs, choice{kind: leaves, p: c.p, c: c, index: uint8(i), writes: c.p.bit()})
		}
	}
	for _, p := range w.processes {
		if p.killed || p.closed {
			continue
		}
		cs = append(cs, choice{kind: kills, p: p, writes: p.bit() | record | lock | atServer})
		if !p.stopped {
			cs = append(cs, choice{kind: ends, p: p, writes: all}, choice{kind: jumps, p: p, writes: p.bit()})
		}
		if !p.stopped && w.scenario.Store != File { // else its lock ends with it, not before
			cs = append(cs, choice{kind: stops, p: p, writes: all})
		}
		if w.db.holder == p && w.scenario.Store != File {
			cs = append(cs, choice{kind: lapses, p: p, writes: p.bit() | record | lock})
		}
	}
	cs = append(cs, choice{kind: waits, writes: all})
	if !w.db.away() {
		cs = append(cs, choice{kind: takes, writes: all})
	}
	if len(w.db.history) > 0 {
		cs = append(cs, choice{kind: rolls, writes: all})
	}
	return cs
}

// do makes a choice.
func (w *world) do(c *choice) {
	if c.fault() && (c.kind != leaves || !w.scenario.Leaving) {
		w.faults--
	}
	switch d := &w.db; c.kind {
	case lets:
		w.passLocked(c.g, c.mode)
	case wakes:
		c.p.stopped = false
	case calls:
		w.begin(c.c)
	case leaves:
		c.c.hasLeft = true
		c.c.cancel()
	case waits:
		w.await(longestCall)
	case kills:
		w.kill(c.p)
	case stops:
		w.pause(c.p)
	case lapses:
		c.p.died, c.p.markDies = w.tick(), time.Now().Add(lifeOfMark)
		d.lapse(c.p.markDies)
	case ends:
		w.endOf(c.p)
	case jumps:
		c.p.jump()
	case takes:
		d.awayUntil = time.Now().Add(outage)
	case rolls:
		last := len(d.history) - 1
		d.record, d.history, w.rolled = d.history[last], d.history[:last], true
		w.notify(nil)
	}
}

// kill ends p where it is.
func (w *world) kill(p *process) {
	p.killed = true
	if w.db.holder == p {
		w.db.abandon(w.scenario.Store != File)
	}
}

// pause stops p for longer than its lock and its mark live.
func (w *world) pause(p *process) {
	p.stopped, p.died, p.markDies = true, w.tick(), time.Now()
	if w.db.holder == p {
		w.db.lapse(time.Now())
	}
	if w.db.marker == p {
		w.db.dies = time.Now()
	}
}

// endOf ends the context that p's grant was given, and waits for what follows.
func (w *world) endOf(p *process) {
	p.closing = w.tick()
	p.end()
	go func() {
		_ = p.grant.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		p.closed = true
		w.stir()
	}()
}

// jump sets the wall clock of p by a day: back, if it is not behind already.
// Only what is in the store shows it.
func (p *process) jump() {
	if p.skew <= 0 {
		p.skew = 24 * time.Hour
	} else {
		p.skew = -24 * time.Hour
	}
}
