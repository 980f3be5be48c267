package storetrial

import (
	"testing"
	"time"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// await takes the next value.
func await[T any](tb testing.TB, what string, from <-chan T) T {
	tb.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		tb.Fatalf("no %s within %v", what, patience)
		panic("unreachable")
	}
}

// retry calls f until it succeeds.
func retry(tb testing.TB, what string, f func() error) {
	tb.Helper()
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	giveUp := time.After(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-pause.C:
		case <-giveUp:
			tb.Fatalf("no %s within %v: %v", what, patience, err)
		}
	}
}
