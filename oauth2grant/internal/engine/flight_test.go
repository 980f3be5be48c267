package engine

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlight_TenThousandCallersShareOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: time.Second}
		e := start(t, s.run, nil)
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() {
				if got, err := e.Get(t.Context()); err != nil || got.Value != 1 {
					t.Errorf("got %v, %v", got, err)
				}
			})
		}
		wg.Wait()
		s.ran(t, 1)
	})
}

type traceKey struct{}

func TestFlight_GoesOnWhenItsFirstCallerLeavesAndKeepsItsTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen any
		s := &script{takes: 10 * time.Second}
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			seen = f.Context().Value(traceKey{})
			return s.run(f)
		}, nil)
		first, leave := context.WithCancel(context.WithValue(t.Context(), traceKey{}, "trace 7"))
		starter := goes(first, e.Get)
		synctest.Wait()
		other := goes(t.Context(), e.Get)
		synctest.Wait()
		leave()
		fails(t, context.Canceled)(starter.result())
		gives(t, 1)(other.result())
		s.ran(t, 1)
		if seen != "trace 7" {
			t.Fatalf("the flight sees the trace %v", seen)
		}
	})
}

func TestFlight_ARenewalGoesOnThoughNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: 10 * time.Second}
		e := start(t, s.run, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		fails(t, context.DeadlineExceeded)(e.Get(ctx))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := e.Fresh(); got == nil || got.Value != 1 {
			t.Fatalf("the renewal was given up: %v", got)
		}
	})
}

func TestFlight_ACallerLeavesOnTimeWithItsCauseAndTheLastFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.fail(errDown)
		e := start(t, s.run, nil)
		fails(t, errDown)(e.Get(t.Context()))
		time.Sleep(maxWait)
		s.takes = time.Hour
		errBored := errors.New("bored")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 3*time.Second, errBored)
		defer cancel()
		began := time.Now()
		_, err := e.Get(ctx)
		if took := time.Since(began); took != 3*time.Second {
			t.Fatalf("left after %v", took)
		}
		left, ok := errors.AsType[*LeftError](err)
		if !ok || !errors.Is(left.Cause, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		for _, want := range []error{context.DeadlineExceeded, errBored, errDown} {
			if !errors.Is(err, want) {
				t.Errorf("%v does not wrap %v", err, want)
			}
		}
	})
}

func TestFlight_WhoseContextHasEndedLearnsTheLastFailureAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.fail(errDown)
		e := start(t, s.run, nil)
		fails(t, errDown)(e.Get(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := e.Get(ctx)
		_, ok := errors.AsType[*LeftError](err)
		if !ok || !errors.Is(err, context.Canceled) || !errors.Is(err, errDown) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestFlight_AFreshValueIsReturnedWhateverTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := start(t, (&script{}).run, nil)
		gives(t, 1)(e.Get(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		gives(t, 1)(e.Get(ctx))
	})
}

func TestFlight_AValueThatHasNotExpiredIsBetterThanAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, nil)
		gives(t, 1)(e.Get(t.Context()))
		s.fail(errDown)
		time.Sleep(lifetime - leeway)
		gives(t, 1)(e.Get(t.Context()))
		s.ran(t, 2)
		time.Sleep(leeway)
		fails(t, errDown)(e.Get(t.Context()))
	})
}

func TestFlight_EndingItsGoroutineLeavesNobodyHanging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		gone := false
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			if !gone {
				gone = true
				time.Sleep(time.Second)
				runtime.Goexit()
			}
			return s.run(f)
		}, nil)
		a, b := goes(t.Context(), e.Get), goes(t.Context(), e.Get)
		fails(t, ErrVanished)(a.result())
		fails(t, ErrVanished)(b.result())
		fails(t, ErrVanished)(e.Get(t.Context())) // remembered
		time.Sleep(maxWait)
		gives(t, 1)(e.Get(t.Context()))
	})
}

func TestFlight_IgnoringItsContextLetsItsWaitersGoAndCloseWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ended time.Time
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			ctx, done := f.Attempt(f.Context(), 10*time.Second)
			defer done()
			time.Sleep(time.Minute)
			ended = time.Now()
			return nil, ctx.Err()
		}, background)
		began := time.Now()
		fails(t, ErrOverdue)(e.Get(t.Context()))
		if took := time.Since(began); took != 10*time.Second+patience {
			t.Fatalf("let go after %v", took)
		}
		fails(t, ErrOverdue)(e.Get(t.Context())) // it is still under way
		e.Close()
		if ended.IsZero() {
			t.Fatal("Close did not wait for the flight")
		}
	})
}

func TestFlight_AnAttemptInTimeIsNeverOverdue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			for range 5 {
				ctx, done := f.Attempt(f.Context(), 10*time.Second)
				<-ctx.Done()
				done()
			}
			return publish(f, 1)
		}, nil)
		gives(t, 1)(e.Get(t.Context()))
	})
}

func TestFlight_OneThatFindsNothingToDoIsFollowedByOneForAValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var why []Reason
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			why = append(why, f.Why)
			time.Sleep(time.Second)
			if f.Why == Look {
				return nil, nil
			}
			return publish(f, len(why))
		}, background)
		e.Changed()
		synctest.Wait()
		gives(t, 2)(e.Get(t.Context()))
		if len(why) != 2 || why[0] != Look || why[1] != Need {
			t.Fatalf("the reasons were %v", why)
		}
	})
}

func TestFlight_IsDiscardedIfAValueWasSetSince(t *testing.T) {
	setValue := func(e *Engine[int]) { set(e, value(100)) }
	for _, c := range []struct {
		name      string
		meanwhile func(*Engine[int])
		err       error // of the flight
		get       int   // what its caller gets
		renew     error
	}{
		{"its value", setValue, nil, 100, nil},
		{"its failure", setValue, errDown, 100, errDown},
		{"its value, when the last one was dropped", func(e *Engine[int]) { set(e, nil) }, nil, 2, ErrSuperseded},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{takes: time.Second}
				s.fail(c.err)
				e := start(t, s.run, nil)
				getting := goes(t.Context(), e.Get)
				synctest.Wait()
				c.meanwhile(e)
				gives(t, c.get)(getting.result())
				if failures, _, last := e.Health(); failures != 0 || last != nil {
					t.Fatalf("remembered: %d, %v", failures, last)
				}

				renewing := goes(t.Context(), e.Renew)
				synctest.Wait()
				c.meanwhile(e)
				if c.renew != nil {
					fails(t, c.renew)(renewing.result())
				} else {
					gives(t, c.get)(renewing.result())
				}
			})
		})
	}
}

func TestFlight_AForcedRenewalJoinsOnlyOneThatObtainsAValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			n++
			mine := n
			time.Sleep(time.Second)
			s, err := publish(f, mine)
			f.Obtained = mine != 1 // the first only found one
			return s, err
		}, nil)
		getting := goes(t.Context(), e.Get)
		synctest.Wait()
		a, b := goes(t.Context(), e.Renew), goes(t.Context(), e.Renew)
		gives(t, 1)(getting.result())
		gives(t, 2)(a.result())
		gives(t, 2)(b.result())
	})
}

func TestEngine_AnInvalidatedValueIsReturnedToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, nil)
		gives(t, 1)(e.Get(t.Context()))
		old := e.Current()
		e.Invalidate(old)
		s.fail(errDown)
		fails(t, errDown)(e.Get(t.Context()))
		s.fail(nil)
		gives(t, 3)(e.Renew(t.Context()))
		e.Invalidate(old) // too late
		gives(t, 3)(e.Get(t.Context()))
	})
}

func TestEngine_AValueWithTimesBeyondInt64NeverExpires(t *testing.T) {
	e := start(t, (&script{}).run, nil)
	for _, far := range []time.Time{{}, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)} {
		set(e, &Snapshot[int]{Value: 5, RenewAt: far, FreshUntil: far, Expiry: far})
		if e.Fresh() == nil {
			t.Errorf("a value that lives until %v is not fresh", far)
		}
	}
	past := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	set(e, &Snapshot[int]{Value: 5, RenewAt: past, FreshUntil: past, Expiry: past})
	if e.Fresh() != nil {
		t.Errorf("a value that lived until %v is fresh", past)
	}
}
