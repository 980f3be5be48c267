package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestClose_ReleasesWaitersAtOnceAndWaitsForTheFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause error
		e := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
			<-f.Context().Done()
			cause = context.Cause(f.Context())
			time.Sleep(5 * time.Second)
			s := value(1)
			f.Publish(s)
			return s, nil
		}, background)
		waiting := goes(t.Context(), e.Get)
		synctest.Wait()
		began := time.Now()
		closing := goes(t.Context(), func(context.Context) (*Snapshot[int], error) { e.Close(); return nil, nil })
		fails(t, ErrClosed)(waiting.result())
		if waited := time.Since(began); waited != 0 {
			t.Fatalf("released after %v", waited)
		}
		_, _ = closing.result()
		if waited := time.Since(began); waited != 5*time.Second {
			t.Fatalf("closed after %v", waited)
		}
		if !errors.Is(cause, ErrClosed) {
			t.Fatalf("the flight was ended by %v", cause)
		}
		if e.Current() != nil || e.Fresh() != nil {
			t.Fatal("a value was published after Close")
		}
	})
}

func TestClose_NothingIsReturnedAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{}
		e := start(t, s.run, background)
		gives(t, 1)(e.Get(t.Context()))
		for range 3 {
			e.Close()
		}
		fails(t, ErrClosed)(e.Get(t.Context()))
		fails(t, ErrClosed)(e.Renew(t.Context()))
		fails(t, ErrClosed)(e.Run(t.Context()))
		if _, _, err := e.Guard(t.Context()); !errors.Is(err, ErrClosed) {
			t.Fatalf("Guard gave %v", err)
		}
		set(e, value(7))
		e.Changed()
		if !errors.Is(e.Closed(), ErrClosed) || e.Current() != nil {
			t.Fatal("it is not closed")
		}
		s.ran(t, 1)
	})
}

func TestClose_TheEndOfTheParentContextIsOne(t *testing.T) {
	errShutdown := errors.New("shutdown")
	for _, c := range []struct {
		name  string
		cause error
		want  []error
	}{
		{"with its cause", errShutdown, []error{ErrClosed, errShutdown}},
		{"without one", nil, []error{ErrClosed, context.Canceled}},
		{"with that of another engine", errors.Join(ErrClosed, errShutdown), []error{ErrClosed, errShutdown}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				parent, end := context.WithCancelCause(t.Context())
				s := &script{takes: time.Minute}
				e := New(parent, Config[int]{
					Renew: s.run, Judge: verdict, Changed: func(context.Context) bool { return false },
					Failed:     func(context.Context, Failure) { t.Error("told of the end") },
					MinBackOff: minWait, MaxBackOff: maxWait,
				})
				e.Start()
				set(e, value(1))
				waiting := goes(t.Context(), e.Renew)
				synctest.Wait()
				end(c.cause)
				_, err := waiting.result()
				synctest.Wait()
				if e.Current() != nil {
					t.Error("it still has a value")
				}
				_, later := e.Get(t.Context())
				for _, err := range []error{err, later, e.Closed()} {
					for _, want := range c.want {
						if !errors.Is(err, want) {
							t.Errorf("%v does not wrap %v", err, want)
						}
					}
				}
				e.Close() // and then has nothing to wait for
			})
		})
	}
}

func TestClose_EndsASignInWithoutCallingItAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{takes: time.Hour}
		e := start(t, func(*Flight[int]) (*Snapshot[int], error) { return nil, errLogin }, func(cfg *Config[int]) {
			cfg.SignIn, cfg.Interactive = s.run, true
			cfg.Failed = func(_ context.Context, failure Failure) {
				if errors.Is(failure.Err, errAbandoned) {
					t.Error("told that it was abandoned")
				}
			}
		})
		waiting := goes(t.Context(), e.Get)
		synctest.Wait()
		e.Close()
		fails(t, ErrClosed)(waiting.result())
	})
}

func TestClose_WaitsForGuardedWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := start(t, nil, nil)
		ctx, done, err := e.Guard(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		closing := goes(t.Context(), func(context.Context) (*Snapshot[int], error) { e.Close(); return nil, nil })
		if !closing.pending() || !errors.Is(context.Cause(ctx), ErrClosed) {
			t.Fatalf("Close did not wait, or the context has not ended: %v", context.Cause(ctx))
		}
		done()
		_, _ = closing.result()
	})
}

func TestClose_DuringEverything(t *testing.T) {
	// No bubble: this is for the race detector.
	for range 100 {
		var s script
		ctx, cancel := context.WithCancel(t.Context())
		e := New(ctx, Config[int]{
			Renew: s.run, SignIn: s.run, Judge: verdict, Changed: func(context.Context) bool { return true },
			Failed:     func(context.Context, Failure) {},
			MinBackOff: time.Microsecond, MaxBackOff: time.Millisecond, IdleAfter: time.Hour, Eager: true,
			Interactive: true,
		})
		e.Start()
		var all sync.WaitGroup
		gate := make(chan struct{})
		for i, work := range []func(){
			func() { _, _ = e.Get(ctx) },
			func() { _, _ = e.Renew(ctx) },
			func() { _, _ = e.Run(ctx) },
			func() { set(e, value(3)) },
			func() { set(e, nil) },
			func() {
				if c := e.Current(); c != nil {
					e.Invalidate(c)
				}
			},
			func() {
				if ctx, done, err := e.Guard(ctx); err == nil {
					e.Note(errDown)
					e.Report(ctx, func(context.Context, int) {})
					done()
				}
			},
			func() { e.Changed(); e.Fresh(); _, _, _ = e.Health(); _ = e.Closed() },
			func() { s.fail(errDown) },
			func() { s.fail(errRefused) },
			func() { s.fail(nil) },
			e.Close,
			cancel,
		} {
			all.Go(func() {
				<-gate
				for range 20 {
					work()
					if i > 10 {
						return
					}
				}
			})
		}
		close(gate)
		all.Wait()
		e.Close()
		if e.Current() != nil {
			t.Fatal("a closed engine has a value")
		}
	}
}
