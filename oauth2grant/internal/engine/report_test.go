package engine

import (
	"context"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestReport_RunsInOrderOutsideFlights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []int
		s := &script{}
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			v, err := s.run(f)
			for i := range 3 {
				n := int(s.runs.Load())*10 + i
				f.Report(func(ctx context.Context, _ int) {
					time.Sleep(time.Second)
					if ctx.Err() != nil {
						t.Errorf("the context of a report has ended: %v", ctx.Err())
					}
					heard = append(heard, n)
				})
			}
			return v, err
		}, nil)
		began := time.Now()
		for range 3 {
			if _, err := e.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(began) != 0 {
			t.Fatal("callers waited for reports")
		}
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if want := []int{10, 11, 12, 20, 21, 22, 30, 31, 32}; !slices.Equal(heard, want) {
			t.Fatalf("heard %v, want %v", heard, want)
		}
	})
}

func TestReport_EndingItsGoroutineDoesNotLoseTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		heard := 0
		e := start(t, (&script{}).run, nil)
		ctx, done, err := e.Guard(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e.Report(ctx, func(context.Context, int) { runtime.Goexit() })
		e.Report(ctx, func(context.Context, int) { heard++ })
		done()
		synctest.Wait()
		if heard != 1 {
			t.Fatalf("heard %d", heard)
		}
	})
}
