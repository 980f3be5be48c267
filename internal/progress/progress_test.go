package progress

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWatch_EndsOnlyWhenNothingHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, note, stop := Watch(t.Context(), Limit)
		defer stop()
		for range 10 { // ten times as long as nothing may happen
			time.Sleep(Limit - 1)
			note()
		}
		if err := ctx.Err(); err != nil {
			t.Fatalf("it ended in spite of progress: %v", context.Cause(ctx))
		}
		begin := time.Now()
		<-ctx.Done()
		if waited := time.Since(begin); waited != Limit {
			t.Errorf("it ended after %v without progress, want %v", waited, Limit)
		}
		if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
			t.Errorf("its cause is %v", cause)
		}
	})
}

func TestWatch_EndsWithStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, note, stop := Watch(t.Context(), Limit)
		stop()
		note() // does no harm
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			t.Errorf("its cause is %v", cause)
		}
	})
}

// witness notes that a test failed.
type witness struct {
	testing.TB
	failed bool
}

func (w *witness) Helper()               {}
func (w *witness) Fatalf(string, ...any) { w.failed = true; panic(w) }

// fails reports whether wait fails its test, and when.
func fails(wait func(testing.TB)) (failed bool, after time.Duration) {
	w, begin := &witness{}, time.Now()
	func() {
		defer func() { _ = recover() }()
		wait(w)
	}()
	return w.failed, time.Since(begin)
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := make(chan int, 1)
		values <- 7
		if got := Await(t, "value", values); got != 7 {
			t.Errorf("got %d", got)
		}
		if failed, after := fails(func(tb testing.TB) { Await(tb, "value", values) }); !failed || after != Limit {
			t.Errorf("without a value: failed %t after %v", failed, after)
		}
	})
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		again := errors.New("again")
		tries := 0
		Retry(t, "third try", func() error {
			if tries++; tries < 3 {
				return again
			}
			return nil
		})
		if tries != 3 {
			t.Errorf("%d tries", tries)
		}
		failed, after := fails(func(tb testing.TB) { Retry(tb, "success", func() error { return again }) })
		if !failed || after != Limit {
			t.Errorf("without success: failed %t after %v", failed, after)
		}
	})
}
