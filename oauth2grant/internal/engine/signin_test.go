package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// asking makes an engine that can obtain a value only by asking a person, which
// signIn does.
func asking(t *testing.T, signIn run) *Engine[int] {
	t.Helper()
	return start(t, func(*Flight[int]) (*Snapshot[int], error) { return nil, errLogin }, func(cfg *Config[int]) {
		cfg.SignIn, cfg.Interactive = signIn, true
	})
}

func TestSignIn_IsSharedByAllWhoNeedAPerson(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: time.Minute}
		e := asking(t, s.run)
		calls := make([]*outcome, 100)
		for i := range calls {
			calls[i] = goes(t.Context(), e.Get)
		}
		for _, c := range calls {
			gives(t, 1)(c.result())
		}
		s.ran(t, 1)
	})
}

func TestSignIn_CallersWhoHadJoinedARenewalGoOnToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, func(*Flight[int]) (*Snapshot[int], error) {
			time.Sleep(time.Second)
			return nil, errLogin
		}, func(cfg *Config[int]) { cfg.SignIn, cfg.Interactive, cfg.Passive, cfg.Eager = s.run, true, false, true })
		synctest.Wait() // the background renews
		get, renew := goes(t.Context(), e.Get), goes(t.Context(), e.Renew)
		fails(t, errLogin)(renew.result())
		gives(t, 1)(get.result())
		s.ran(t, 1)
	})
}

func TestSignIn_IsNeverBegunByTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		start(t, func(*Flight[int]) (*Snapshot[int], error) { return nil, errLogin }, func(cfg *Config[int]) {
			cfg.SignIn, cfg.Interactive, cfg.Passive, cfg.Eager = s.run, true, false, true
		})
		time.Sleep(24 * time.Hour)
		s.ran(t, 0)
	})
}

func TestSignIn_StopsWhenItsLastWaiterLeavesAndCountsAsFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: time.Hour}
		var ended error
		e := asking(t, func(f *Flight[int]) (*Snapshot[int], error) {
			v, err := s.run(f)
			ended = err
			return v, err
		})
		first, leaveFirst := context.WithCancel(t.Context())
		second, leaveSecond := context.WithCancel(t.Context())
		a, b := goes(first, e.Get), goes(second, e.Get)
		synctest.Wait()
		leaveFirst()
		fails(t, context.Canceled)(a.result())
		synctest.Wait()
		if ended != nil || !b.pending() {
			t.Fatalf("the sign-in stopped although somebody waits: %v", ended)
		}
		leaveSecond()
		fails(t, context.Canceled)(b.result())
		synctest.Wait()
		if !errors.Is(ended, errAbandoned) {
			t.Fatalf("the sign-in ended by %v", ended)
		}

		for range 100 {
			fails(t, errAbandoned)(e.Get(t.Context())) // no tab after tab
		}
		s.ran(t, 1)
		time.Sleep(maxWait)
		s.takes = 0
		gives(t, 2)(e.Get(t.Context()))
	})
}

func TestSignIn_CommittedGoesOnThoughNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: time.Minute}
		e := asking(t, func(f *Flight[int]) (*Snapshot[int], error) {
			Commit(f.Context())
			return s.run(f)
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		fails(t, context.DeadlineExceeded)(e.Get(ctx))
		time.Sleep(time.Minute)
		gives(t, 1)(e.Get(t.Context()))
		s.ran(t, 1)
	})
}

func TestSignIn_TheLateResultOfAnAbandonedOne(t *testing.T) {
	// stubborn returns a sign-in that returns a value a minute later, whatever
	// its context says.
	stubborn := func(t *testing.T) (*Engine[int], func()) {
		var n atomic.Int64
		e := asking(t, func(f *Flight[int]) (*Snapshot[int], error) {
			mine := n.Add(1)
			time.Sleep(time.Minute)
			return publish(f, int(mine))
		})
		return e, func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			fails(t, context.DeadlineExceeded)(e.Get(ctx))
		}
	}
	t.Run("is used", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e, abandon := stubborn(t)
			abandon()
			time.Sleep(time.Minute)
			synctest.Wait()
			if s := e.Fresh(); s == nil || s.Value != 1 {
				t.Fatalf("got %v", s)
			}
		})
	})
	t.Run("is discarded when another sign-in has begun", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			e, abandon := stubborn(t)
			abandon()
			second := goes(t.Context(), e.Run) // does not wait for the back-off
			time.Sleep(time.Minute - time.Millisecond)
			synctest.Wait() // the first has returned, the second has not
			if s := e.Current(); s != nil {
				t.Fatalf("the late result %d was published", s.Value)
			}
			gives(t, 2)(second.result())
		})
	})
}

func TestExplicit_RunsShareOneAndNeverJoinARenewal(t *testing.T) {
	for _, interactive := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			renew, signIn := &script{takes: time.Hour}, &script{takes: time.Second}
			e := start(t, renew.run, func(cfg *Config[int]) { cfg.SignIn, cfg.Interactive = signIn.run, interactive })
			waiting := goes(t.Context(), e.Get)
			synctest.Wait()
			a, b := goes(t.Context(), e.Run), goes(t.Context(), e.Run)
			gives(t, 1)(a.result())
			gives(t, 1)(b.result())
			renew.ran(t, 1)
			signIn.ran(t, 1)
			if !waiting.pending() {
				t.Fatal("the renewal did not go on")
			}
		})
	}
}

func TestExplicit_ARunDiscardsARenewalThatBeganBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		published := true
		signIn := &script{}
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			time.Sleep(time.Minute)
			s := value(50)
			if published = f.Publish(s); published {
				return s, nil
			}
			return nil, nil
		}, func(cfg *Config[int]) { cfg.SignIn = signIn.run })
		getting := goes(t.Context(), e.Get)
		synctest.Wait()
		gives(t, 1)(e.Run(t.Context()))
		gives(t, 1)(getting.result())
		if published || e.Fresh().Value != 1 {
			t.Fatal("the older result replaced the newer one")
		}
	})
}

func TestExplicit_ARunOfAFlowThatAsksNobodyIsNotStoppedByLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: time.Minute}
		e := start(t, nil, func(cfg *Config[int]) { cfg.SignIn = s.run })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		fails(t, context.DeadlineExceeded)(e.Run(ctx))
		time.Sleep(time.Minute)
		gives(t, 1)(e.Get(t.Context()))
	})
}

func TestExplicit_ACallDoesNotWaitForTheBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renew, signIn := &script{}, &script{}
		renew.fail(errRefused)
		signIn.fail(errRefused)
		e := start(t, renew.run, func(cfg *Config[int]) { cfg.SignIn = signIn.run })
		for range 3 {
			fails(t, errRefused)(e.Renew(t.Context()))
			fails(t, errRefused)(e.Run(t.Context()))
		}
		renew.ran(t, 3)
		signIn.ran(t, 3)
	})
}
