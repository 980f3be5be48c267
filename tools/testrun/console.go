package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// quiet is how long nothing is printed before the console says what is running.
const quiet = 45 * time.Second

// console prints, and knows when it last did. It is safe for concurrent use.
type console struct {
	quiet time.Duration

	mu   sync.Mutex // guards what follows
	out  io.Writer
	last time.Time
}

func newConsole(out io.Writer) *console { return &console{quiet: quiet, out: out, last: time.Now()} }

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
	return c.out.Write(b)
}

func (c *console) printf(format string, args ...any) { fmt.Fprintf(c, format, args...) }

// silence returns how long nothing has been printed.
func (c *console) silence() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.last)
}

// keepAwake prints a line whenever nothing else was printed for a while: what
// goes on, since when, and its status. It ends with stop.
func (c *console) keepAwake(what string, status func() string) (stop func()) {
	begin := time.Now()
	stopped := make(chan struct{})
	var awake sync.WaitGroup
	awake.Go(func() {
		for tick := time.NewTicker(c.quiet / 10); ; {
			select {
			case <-tick.C:
				if c.silence() >= c.quiet {
					c.printf("... %s, %v so far: %s\n", what, time.Since(begin).Round(time.Second), status())
				}
			case <-stopped:
				tick.Stop()
				return
			}
		}
	})
	return func() {
		close(stopped)
		awake.Wait()
	}
}
