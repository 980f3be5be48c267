package engine

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRefresher_RenewsAValueWhenItIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, background)
		gives(t, 1)(e.Get(t.Context()))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		s.ran(t, 1+int64(24*time.Hour/renewal))
		for i, at := range s.times()[1:] {
			if gap := at.Sub(s.times()[i]); gap != renewal {
				t.Fatalf("renewed after %v, want %v", gap, renewal)
			}
		}
	})
}

func TestRefresher_RetriesWithBackOffAndKeepsTheValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		var told []time.Duration
		e := start(t, s.run, func(cfg *Config[int]) {
			cfg.Passive = false
			cfg.Failed = func(_ context.Context, failure Failure) {
				if !errors.Is(failure.Err, errDown) {
					t.Errorf("told of %v", failure.Err)
				}
				told = append(told, failure.RetryIn)
			}
		})
		gives(t, 1)(e.Get(t.Context()))
		s.fail(errDown)
		time.Sleep(lifetime - leeway - time.Second)
		gives(t, 1)(e.Get(t.Context()))
		at := s.times()[1:]
		if len(at) < 11 || len(at) > 60 {
			t.Fatalf("%d attempts", len(at))
		}
		synctest.Wait()
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap != told[i-1] {
				t.Fatalf("told to be tried in %v, tried after %v", told[i-1], gap)
			}
		}
		s.fail(nil)
		time.Sleep(maxWait)
		synctest.Wait()
		if failures, next, last := e.Health(); failures != 0 || last != nil || !next.Equal(e.Current().RenewAt) {
			t.Fatalf("got %d, %v, %v", failures, last, next)
		}
	})
}

// jump is a wall clock that can go on while timers stand still.
type jump struct{ by atomic.Int64 }

func (j *jump) now() time.Time { return time.Now().Add(time.Duration(j.by.Load())) }

func TestRefresher_AReaderWakesItWhenTimersStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock jump
		s := &script{takes: time.Second}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.Now = false, clock.now })
		gives(t, 1)(e.Get(t.Context()))
		synctest.Wait()
		clock.by.Add(int64(renewal))
		began := time.Now()
		for range 1000 {
			gives(t, 1)(e.Get(t.Context())) // goes on with what it has
		}
		if waited := time.Since(began); waited != 0 {
			t.Fatalf("the readers waited for %v", waited)
		}
		synctest.Wait()
		s.ran(t, 2)
		time.Sleep(time.Second)
		synctest.Wait()
		gives(t, 2)(e.Get(t.Context()))
		s.ran(t, 2)
	})
}

func TestRefresher_RenewsNothingInALoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			s.runs.Add(1)
			v := valueAt(1, time.Now().Add(-renewal))
			f.Publish(v)
			return v, nil
		}, func(cfg *Config[int]) { cfg.Passive, cfg.Eager = false, true })
		time.Sleep(time.Second - time.Nanosecond)
		synctest.Wait()
		s.ran(t, int64(1+time.Second/shortestRest))
	})
}

func TestRefresher_AClockSetBackRenewsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock jump
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.Now = false, clock.now })
		gives(t, 1)(e.Get(t.Context()))
		synctest.Wait() // until the background has planned
		clock.by.Add(-int64(24 * time.Hour))
		time.Sleep(renewal)
		synctest.Wait()
		gives(t, 2)(e.Get(t.Context()))
		s.ran(t, 2)
	})
}

// While a machine sleeps its monotonic clock stands still, and the wall clock
// goes on.
func TestRefresher_AClockSetBackAfterASleepRenewsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const asleep = 30 * time.Minute
		var clock jump
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.Now = false, clock.now })
		gives(t, 1)(e.Get(t.Context()))
		synctest.Wait()
		for _, by := range []time.Duration{asleep, -20 * time.Minute} {
			clock.by.Add(int64(by))
			e.Wake()
			synctest.Wait()
		}
		time.Sleep(renewal - asleep)
		synctest.Wait()
		s.ran(t, 2)
	})
}

func TestInvalidate_FindsAValueWhoseTimesHaveComeNearer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var clock jump
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.Now = false, clock.now })
		gives(t, 1)(e.Get(t.Context()))
		old := e.Current()
		clock.by.Add(-int64(10 * time.Minute))
		e.Wake()
		synctest.Wait()
		if e.Current() == old {
			t.Error("the clock that was set back has changed nothing")
		}
		e.Invalidate(old)
		if s := e.Fresh(); s != nil {
			t.Errorf("the refused value %d is served", s.Value)
		}
	})
}

func TestRefresher_PassiveRenewsOnlyForACaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.Eager = true, true })
		time.Sleep(time.Hour)
		s.ran(t, 0)
		gives(t, 1)(e.Get(t.Context()))
		if _, next, _ := e.Health(); !next.IsZero() {
			t.Fatalf("said to renew by itself at %v", next)
		}
		time.Sleep(lifetime - leeway - time.Nanosecond)
		gives(t, 1)(e.Get(t.Context()))
		synctest.Wait()
		s.ran(t, 1)
		time.Sleep(time.Nanosecond)
		gives(t, 2)(e.Get(t.Context()))
	})
}

func TestRefresher_EagerObtainsAValueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.Eager = false, true })
		synctest.Wait()
		if got := e.Fresh(); got == nil || got.Value != 1 {
			t.Fatalf("got %v", got)
		}
	})
}

func TestRefresher_EagerIsNotDivertedByALook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			if f.Why == Look {
				return nil, nil
			}
			return s.run(f)
		}, func(cfg *Config[int]) { cfg.Passive, cfg.Eager = false, true })
		e.Changed() // before the background has begun
		synctest.Wait()
		s.ran(t, 1)
	})
}

func TestRefresher_NotEagerLeavesTheFirstValueToACaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		start(t, s.run, background)
		time.Sleep(24 * time.Hour)
		s.ran(t, 0)
	})
}

func TestRefresher_LooksAtAChangeElsewhereAlsoDuringAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var why []Reason
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			why = append(why, f.Why)
			time.Sleep(time.Second)
			return publish(f, len(why))
		}, background)
		gives(t, 1)(e.Get(t.Context()))
		e.Changed()
		synctest.Wait() // it looks
		e.Changed()
		e.Changed()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(why) != 3 || why[1] != Look || why[2] != Look {
			t.Fatalf("the reasons were %v", why)
		}
	})
}

func TestRefresher_Idleness(t *testing.T) {
	const after = 10 * time.Minute
	minutes := func(m ...int) (all []time.Duration) {
		for _, m := range m {
			all = append(all, time.Duration(m)*time.Minute)
		}
		return all
	}
	for _, c := range []struct {
		name string
		// Since the value was obtained, which is itself a use; it is due after
		// 48 min, and stale after 59.
		uses []time.Duration
		runs int64 // within 49 minutes
	}{
		{"a value that nobody uses is not renewed", nil, 1},
		{"one that somebody used shortly before it was due is renewed", minutes(40), 2},
		{"also when it had rested before", minutes(1, 45), 2},
		{"one that is used all the time is renewed", minutes(5, 10, 15, 20, 25, 30, 35, 40, 45), 2},
		{"one that was used too long before is not", minutes(5, 10, 15, 37), 1},
		{"a use when it is overdue has it renewed", []time.Duration{renewal + 10*time.Second}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{}
				e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.IdleAfter = false, after })
				gives(t, 1)(e.Get(t.Context()))
				began := time.Now()
				for _, at := range c.uses {
					time.Sleep(at - time.Since(began))
					gives(t, 1)(e.Get(t.Context()))
				}
				time.Sleep(49*time.Minute - time.Since(began))
				synctest.Wait()
				s.ran(t, c.runs)
			})
		})
	}
}

func TestRefresher_IdleResumesWithTheNextUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.IdleAfter = false, 10*time.Minute })
		gives(t, 1)(e.Get(t.Context()))
		time.Sleep(24 * time.Hour)
		s.ran(t, 1)
		gives(t, 2)(e.Get(t.Context()))
		for range 600 {
			time.Sleep(time.Minute)
			if e.Fresh() == nil {
				t.Fatal("a value in use was let go stale")
			}
		}
	})
}

func TestRefresher_IdleStopsRetrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.IdleAfter = false, 10*time.Minute })
		s.fail(errDown)
		fails(t, errDown)(e.Get(t.Context()))
		time.Sleep(time.Hour)
		n := s.runs.Load()
		time.Sleep(24 * time.Hour)
		s.ran(t, n)
	})
}

func TestRefresher_APlanThatIsOutOfDateStartsNoFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, nil)
		gives(t, 1)(e.Get(t.Context()))
		time.Sleep(renewal)
		due := e.plan()
		gives(t, 2)(e.Renew(t.Context())) // a caller comes first
		e.act(due)
		s.ran(t, 2)

		s.fail(errDown)
		fails(t, errDown)(e.Renew(t.Context()))
		time.Sleep(maxWait)
		due = e.plan()
		fails(t, errDown)(e.Renew(t.Context()))
		e.act(due)
		s.ran(t, 4)
	})
}

func TestRefresher_IdleKeepsWhatSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{keep: 5 * time.Hour}
		e := start(t, s.run, func(cfg *Config[int]) { cfg.Passive, cfg.IdleAfter = false, 10*time.Minute })
		gives(t, 1)(e.Get(t.Context()))
		time.Sleep(5*time.Hour - time.Second)
		s.ran(t, 1)
		time.Sleep(2 * time.Second)
		s.ran(t, 2)
		s.fail(errDown)
		time.Sleep(5 * time.Hour)
		n := s.runs.Load()
		time.Sleep(time.Hour)
		if s.runs.Load() <= n {
			t.Error("it is not tried again")
		}
	})
}

func TestRefresher_HasNoGoroutineAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble would not end with a goroutine left
		s := &script{}
		e := New(context.Background(), Config[int]{
			Renew: s.run, Judge: verdict, Failed: func(context.Context, Failure) {},
			MinBackOff: minWait, MaxBackOff: maxWait,
		})
		e.Start()
		gives(t, 1)(e.Get(t.Context()))
		time.Sleep(renewal + time.Second)
		synctest.Wait()
		s.ran(t, 2)
	})
}

func TestRefresher_OutlivesAQuestionThatEndsItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		s := &script{}
		e := start(t, s.run, func(cfg *Config[int]) {
			cfg.Passive = false
			cfg.Changed = func(context.Context) bool {
				if asked.Add(1) <= 3 {
					runtime.Goexit()
				}
				return true
			}
		})
		s.fail(errRefused)
		fails(t, errRefused)(e.Get(t.Context()))
		s.fail(nil)
		time.Sleep(4*maxWait - time.Second)
		synctest.Wait()
		s.ran(t, 1)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		s.ran(t, 2)
		if n := asked.Load(); n != 4 {
			t.Errorf("asked %d times", n)
		}
	})
}
