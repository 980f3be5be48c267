// Package progress bounds what tests wait for by its progress instead of by its
// total time: they give up when nothing has happened for a while, however long
// the whole takes. A busy machine is slow, but it does not stand still.
package progress

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// Limit is how long nothing may happen.
const Limit = time.Minute

// Watch returns a child of ctx that ends when nothing has been noted for limit;
// its cause says so. Calling note starts the time anew. Both funcs are safe for
// concurrent use; stop must be called in the end, and ends the child.
func Watch(ctx context.Context, limit time.Duration) (watched context.Context, note, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(fmt.Errorf("nothing has happened for %v", limit)) })
	note = func() {
		if watched.Err() == nil {
			timer.Reset(limit)
		}
	}
	stop = func() {
		cancel(context.Canceled)
		timer.Stop()
	}
	return watched, note, stop
}

// Await returns the next value of a channel, or the zero value once the channel
// is closed. It fails the test when none comes within [Limit].
func Await[T any](tb testing.TB, what string, from <-chan T) T {
	tb.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(Limit):
		tb.Fatalf("no %s within %v", what, Limit)
		panic("unreachable")
	}
}

// Retry calls try until it returns nil. It fails the test when that does not
// happen within [Limit].
func Retry(tb testing.TB, what string, try func() error) {
	tb.Helper()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	giveUp := time.After(Limit)
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-pause.C:
		case <-giveUp:
			tb.Fatalf("no %s within %v: %v", what, Limit, err)
		}
	}
}
