package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

const (
	// commandTime is how long a command may take.
	commandTime = 30 * time.Second
	// commandGrace is how long what a command has left behind may keep its
	// output open.
	commandGrace = time.Second
)

// Command returns a Source that runs a program, without a shell, and takes the
// assertion from its standard output; [Cache] applies. The program has the
// environment of this process, no input, and 30 s. When that is over, or the
// context ends, or the output is too long, it is killed, on Unix with all
// processes of its group. What it writes to standard error is discarded, since
// that may be secret: run it by hand to see why it fails.
func Command(name string, args ...string) Source {
	return Cache(func(ctx context.Context) (string, error) { return run(ctx, name, args) })
}

var errFlood = errors.New("it writes too much")

func run(parent context.Context, name string, args []string) (string, error) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	timed, stop := context.WithTimeout(ctx, commandTime)
	defer stop()
	cmd := exec.CommandContext(timed, name, args...) //nolint:gosec // the command is the user's own
	out := &bounded{full: func() { cancel(errFlood) }}
	cmd.Stdout = out
	cmd.WaitDelay = commandGrace
	asGroup(cmd)
	err := cmd.Run()
	origin := "the command " + name
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // it is done, but has left something behind
		return accept("the output of "+origin, out.content.Bytes(), time.Now())
	case errors.Is(context.Cause(ctx), errFlood):
		return "", fmt.Errorf("identity: %s was killed: its output has more than %d KiB", origin, longest>>10)
	case parent.Err() != nil:
		return "", fmt.Errorf("identity: %s was killed: %w", origin, parent.Err())
	case timed.Err() != nil:
		return "", fmt.Errorf("identity: %s was killed: it took longer than %s: %w", origin, commandTime, timed.Err())
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("identity: %s failed: %w; run it by hand to see why", origin, exit)
	}
	return "", fmt.Errorf("identity: %s could not be run: %w", origin, err)
}

// bounded keeps the start of an output, and says when there is too much of it.
type bounded struct {
	content bytes.Buffer
	full    func()
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.content.Len()+len(p) > longest {
		b.full()
		return 0, errFlood
	}
	return b.content.Write(p)
}
