package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackOff_EveryWaitIsRandomWithinItsBounds(t *testing.T) {
	for _, c := range []struct {
		name     string
		min, max time.Duration
	}{
		{"the default", 500 * time.Millisecond, time.Minute},
		{"a narrow range", 40 * time.Second, time.Minute},
		{"a long one", time.Second, 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			last := map[time.Duration]bool{}
			for range 200 {
				m := memory{}
				for n := range 50 {
					wait := m.fail(errDown, Verdict{}, c.min, c.max)
					if wait < c.min || wait > c.max {
						t.Fatalf("wait %d is %v", n, wait)
					}
					if n == 49 {
						last[wait] = true
					}
				}
			}
			if len(last) < 150 {
				t.Fatalf("200 draws gave %d different waits", len(last))
			}
		})
	}
}

func TestBackOff_TheFirstWaitIsShortAndLaterOnesReachTheMaximum(t *testing.T) {
	longest := time.Duration(0)
	for range 200 {
		m := memory{}
		if first := m.fail(errDown, Verdict{}, time.Second, time.Minute); first > 2*time.Second {
			t.Fatalf("the first wait is %v", first)
		}
		for range 20 {
			longest = max(longest, m.fail(errDown, Verdict{}, time.Second, time.Minute))
		}
	}
	if longest < 55*time.Second {
		t.Fatalf("the longest wait is %v", longest)
	}
}

func TestBackOff_EqualBoundsAreThatWait(t *testing.T) {
	m := memory{}
	for range 10 {
		if wait := m.fail(errDown, Verdict{}, time.Second, time.Second); wait != time.Second {
			t.Fatalf("the wait is %v", wait)
		}
	}
}

func TestBackOff_GrowsAnewAfterASuccess(t *testing.T) {
	m := memory{}
	for range 20 {
		m.fail(errDown, Verdict{}, time.Second, time.Hour)
	}
	m = memory{}
	if wait := m.fail(errDown, Verdict{}, time.Second, time.Hour); wait > 2*time.Second || m.count != 1 {
		t.Fatalf("the wait is %v, the count %d", wait, m.count)
	}
}

func TestBackOff_TheServersWishLengthensAWaitWithinReason(t *testing.T) {
	for _, c := range []struct {
		name        string
		verdict     Verdict
		least, most time.Duration
	}{
		{"a shorter wish changes nothing", Verdict{After: time.Millisecond}, time.Second, 2 * time.Second},
		{
			"a longer one counts, also above the maximum",
			Verdict{After: 10 * time.Minute},
			10 * time.Minute,
			13 * time.Minute,
		},
		{"an absurd one is cut", Verdict{After: 1000 * time.Hour}, longestWish / 5 * 4, longestWish},
		{"a refusal too", Verdict{Kind: Refused, After: 10 * time.Minute}, 10 * time.Minute, 13 * time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := memory{}
			if wait := m.fail(errDown, c.verdict, time.Second, time.Minute); wait < c.least || wait > c.most {
				t.Fatalf("the wait is %v", wait)
			}
		})
	}
}

func TestBackOff_ARefusalDoublesUpToItsLongest(t *testing.T) {
	for _, c := range []struct {
		max, longest time.Duration
		want         []time.Duration
	}{
		{
			time.Minute, 0,
			[]time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute},
		},
		{15 * time.Minute, time.Hour, []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, time.Hour}},
		{2 * time.Hour, time.Hour, []time.Duration{2 * time.Hour, 2 * time.Hour}},
	} {
		m := memory{}
		for _, want := range c.want {
			wait := m.fail(errRefused, Verdict{Kind: Refused, Longest: c.longest}, time.Second, c.max)
			if wait != want {
				t.Errorf("with a maximum of %v the wait is %v, want %v", c.max, wait, want)
			}
		}
	}
}

// callersAtEveryMoment lets several callers ask again and again for so long.
func callersAtEveryMoment(t *testing.T, e *Engine[int], callers int, long, pause time.Duration) {
	t.Helper()
	end := time.Now().Add(long)
	done := make(chan struct{})
	for range callers {
		go func() {
			defer func() { done <- struct{}{} }()
			for time.Now().Before(end) {
				_, _ = e.Get(t.Context())
				time.Sleep(pause)
			}
		}()
	}
	for range callers {
		<-done
	}
}

func TestBackOff_CallersStartNoFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		s.fail(errDown)
		e := start(t, s.run, nil)
		fails(t, errDown)(e.Get(t.Context()))
		e.renew.mu.Lock()
		until := e.renew.memory.until
		e.renew.mu.Unlock()
		for time.Now().Before(until) {
			fails(t, errDown)(e.Get(t.Context()))
			time.Sleep(10 * time.Millisecond)
		}
		s.ran(t, 1)
		s.fail(nil)
		gives(t, 2)(e.Get(t.Context()))
	})
}

func TestBackOff_RunsFollowItWhateverTheNumberOfCallers(t *testing.T) {
	for _, c := range []struct {
		name    string
		callers int
		change  func(*Config[int])
	}{
		{"one caller", 1, nil},
		{"many callers", 30, nil},
		{"many callers and the background", 30, background},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				s.fail(errDown)
				e := start(t, s.run, c.change)
				callersAtEveryMoment(t, e, c.callers, time.Hour, 500*time.Millisecond)
				// An hour has 60 waits of the maximum; drawn between 1 s and 60
				// s they are half as long, and a few shorter ones come first.
				if n := s.runs.Load(); n < 60 || n > 220 {
					t.Fatalf("%d runs in an hour", n)
				}
				at := s.times()
				for i := 1; i < len(at); i++ {
					if gap := at[i].Sub(at[i-1]); gap < minWait || gap > maxWait+500*time.Millisecond {
						t.Fatalf("runs %d and %d are %v apart", i-1, i, gap)
					}
				}
			})
		})
	}
}

func TestBackOff_ARefusedQuestionIsAskedAtMostThirtyTimesADay(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config[int])
	}{{"without a background", nil}, {"with one", background}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				s.fail(errRefused)
				e := start(t, s.run, c.change)
				callersAtEveryMoment(t, e, 10, 24*time.Hour, 5*time.Second)
				if n := s.runs.Load(); n < 20 || n > 30 {
					t.Fatalf("%d runs in a day", n)
				}
			})
		})
	}
}

func TestBackOff_AnotherQuestionIsAskedAtOnce(t *testing.T) {
	t.Run("by the next caller, once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, changed := &script{}, true
			s.fail(errRefused)
			e := start(t, s.run, func(cfg *Config[int]) { cfg.Changed = func(context.Context) bool { return changed } })
			fails(t, errRefused)(e.Get(t.Context()))
			s.fail(nil)
			gives(t, 2)(e.Get(t.Context()))
		})
	})
	t.Run("by the background, soon", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, changed := &script{}, make(chan struct{})
			s.fail(errRefused)
			e := start(t, s.run, func(cfg *Config[int]) {
				cfg.Passive = false
				cfg.Changed = func(context.Context) bool {
					select {
					case <-changed:
						return true
					default:
						return false
					}
				}
			})
			fails(t, errRefused)(e.Get(t.Context()))
			time.Sleep(5 * time.Hour)
			s.ran(t, 1) // it looks, but does not ask
			s.fail(nil)
			close(changed)
			time.Sleep(maxWait)
			synctest.Wait()
			if got := e.Fresh(); got == nil || got.Value != 2 {
				t.Fatalf("got %v", got)
			}
		})
	})
	t.Run("once for all who saw that it is another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, looked, looks := &script{}, make(chan struct{}), 0
			s.fail(errRefused)
			e := start(t, s.run, func(cfg *Config[int]) {
				cfg.Changed = func(context.Context) bool { looks++; <-looked; return true }
			})
			fails(t, errRefused)(e.Get(t.Context()))
			calls := make([]*outcome, 100)
			for i := range calls {
				calls[i] = goes(t.Context(), e.Get)
			}
			synctest.Wait()
			close(looked)
			for _, c := range calls {
				fails(t, errRefused)(c.result())
			}
			s.ran(t, 2)
			if looks != 1 { // another look only a second later
				t.Errorf("looked %d times", looks)
			}
		})
	})
}

func TestFailure_IsRememberedBeforeTheLaneIsFree(t *testing.T) {
	s := &script{}
	s.fail(errDown)
	var e *Engine[int]
	e = start(t, s.run, func(cfg *Config[int]) {
		cfg.Judge = func(error) Verdict {
			if e.renew.mu.TryLock() {
				free := e.renew.flight == nil
				e.renew.mu.Unlock()
				if free {
					t.Error("a caller could start another flight now")
				}
			}
			return Verdict{}
		}
	})
	fails(t, errDown)(e.Get(t.Context()))
}

func TestFailure_AHarmlessOneComesWithTheValueAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		saves := 0
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			if saves++; saves == 1 {
				s, _ := publish(f, 1)
				return s, errUnsaved
			}
			return f.lane.e.Current(), nil
		}, background)
		gives(t, 1)(e.Get(t.Context()))
		if failures, next, last := e.Health(); failures != 1 || last == nil || next.IsZero() {
			t.Fatalf("got %d, %v, %v", failures, last, next)
		}
		time.Sleep(maxWait)
		synctest.Wait()
		if failures, _, last := e.Health(); failures != 0 || last != nil || saves != 2 {
			t.Fatalf("got %d, %v after %d saves", failures, last, saves)
		}
	})
}

func TestFailure_NotedOutsideAFlightIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		told := 0
		e := start(t, s.run, func(cfg *Config[int]) {
			cfg.Passive = false
			cfg.Failed = func(_ context.Context, failure Failure) {
				if told++; failure.RetryIn < minWait {
					t.Errorf("told to be tried in %v", failure.RetryIn)
				}
			}
		})
		_, done, err := e.Guard(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		set(e, value(100))
		e.Note(errUnsaved)
		done()
		time.Sleep(maxWait)
		synctest.Wait()
		s.ran(t, 1)
		if told != 1 {
			t.Fatalf("told %d times", told)
		}
	})
}
