package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// board shows what the workers do: as a table on a terminal, else as lines. It
// is safe for concurrent use.
type board struct {
	mu     sync.Mutex
	out    io.Writer
	live   bool // out is a terminal
	begin  time.Time
	drawn  time.Time // zero: not yet
	rows   []snapshot
	tokens map[string]int // the number of each token, in the order of their first sight
}

const drawEvery = time.Second / 10

func newBoard(out io.Writer, workers int) *board {
	return &board{
		out: out, live: isTerminal(out), begin: time.Now(), rows: make([]snapshot, workers), tokens: map[string]int{},
	}
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (b *board) update(i int, s snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	changed := s.Token != b.rows[i].Token
	b.rows[i] = s
	if changed && b.tokens[s.Token] == 0 {
		b.tokens[s.Token] = len(b.tokens) + 1
	}
	switch {
	case b.live && time.Since(b.drawn) >= drawEvery:
		b.draw()
	case !b.live && changed:
		fmt.Fprintf(b.out, "%5.1f s  worker %d %s token %d\n", time.Since(b.begin).Seconds(), i+1, how(s),
			b.tokens[s.Token])
	}
}

// finish shows the last state.
func (b *board) finish() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.live {
		b.draw()
	}
}

// draw writes the table, over the one before.
func (b *board) draw() {
	if !b.drawn.IsZero() {
		fmt.Fprintf(b.out, "\x1b[%dA", len(b.rows)+1)
	}
	b.drawn = time.Now()
	fmt.Fprintf(b.out, "%5.1f s   holds      which it     refreshed   adopted   calls   without token\x1b[K\n",
		time.Since(b.begin).Seconds())
	for i, s := range b.rows {
		if s.Token == "" {
			fmt.Fprintf(b.out, "worker %-2d starting\x1b[K\n", i+1)
			continue
		}
		color := "\x1b[36m"
		if s.Mine {
			color = "\x1b[1;32m"
		}
		fmt.Fprintf(b.out, "worker %-2d token %-4d %s%-9s\x1b[0m %12d %9d %7d %15d\x1b[K\n",
			i+1, b.tokens[s.Token], color, how(s), s.Refreshed, s.Adopted, s.Calls, s.Without)
	}
}

func how(s snapshot) string {
	if s.Mine {
		return "refreshed"
	}
	return "adopted"
}

// figures is what came of it all.
type figures struct {
	workers, idle           int // idle: those that made no call
	refreshed, refreshers   int // how often, and by how many workers
	adopted                 int
	calls, refused, without int
	requests, refusals      int // of token requests, counted at the server
}

func (b *board) figures() figures {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := figures{workers: len(b.rows)}
	for _, s := range b.rows {
		if s.Calls == 0 {
			f.idle++
		}
		if s.Refreshed > 0 {
			f.refreshers++
		}
		f.refreshed += s.Refreshed
		f.adopted += s.Adopted
		f.calls += s.Calls
		f.refused += s.Refused
		f.without += s.Without
	}
	return f
}

func (f figures) print(w io.Writer) {
	fmt.Fprintf(w, `
refreshes       %d, by %d of %d workers; tokens adopted %d times
token requests  %d at the server: one for the sign-in, one for each refresh
refusals        %d of them
API calls       %d, refused %d; without a usable token %d
`, f.refreshed, f.refreshers, f.workers, f.adopted, f.requests, f.refusals, f.calls, f.refused, f.without)
}

// judge names everything that is not as it should be.
func (f figures) judge() error {
	var off []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			off = append(off, fmt.Errorf(format, args...))
		}
	}
	check(f.refreshed > 0, "nobody refreshed: let them work for longer")
	check(f.requests == f.refreshed+1, "%d token requests for %d refreshes and one sign-in", f.requests, f.refreshed)
	check(f.refusals == 0, "%d token requests were refused", f.refusals)
	check(f.refused == 0, "%d of %d API calls were refused", f.refused, f.calls)
	check(f.without == 0, "%d calls had no usable token", f.without)
	check(f.idle == 0, "%d of %d workers made no call", f.idle, f.workers)
	check(f.adopted >= f.workers, "%d adoptions are fewer than workers", f.adopted)
	return errors.Join(off...)
}
