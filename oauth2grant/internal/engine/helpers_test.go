package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const (
	lifetime = time.Hour
	renewal  = 48 * time.Minute // of values with that lifetime: when the background renews them
	leeway   = time.Minute
	minWait  = time.Second
	maxWait  = time.Minute
)

var (
	errDown    = errors.New("the server is down")
	errRefused = errors.New("the server said no")
	errLogin   = errors.New("a person must sign in")
	errUnsaved = errors.New("the value was not saved")
)

func verdict(err error) Verdict {
	switch {
	case errors.Is(err, errRefused):
		return Verdict{Kind: Refused, Longest: time.Hour}
	case errors.Is(err, errLogin):
		return Verdict{Kind: NeedsLogin, CallersOnly: true}
	case errors.Is(err, errUnsaved):
		return Verdict{Kind: Harmless}
	}
	return Verdict{}
}

type run = func(*Flight[int]) (*Snapshot[int], error)

// start makes an engine whose background is off, unless change says otherwise,
// and which is closed when the test ends.
func start(t *testing.T, renew run, change func(*Config[int])) *Engine[int] {
	t.Helper()
	cfg := Config[int]{
		Renew:      renew,
		SignIn:     func(*Flight[int]) (*Snapshot[int], error) { return nil, errLogin },
		Judge:      verdict,
		Changed:    func(context.Context) bool { return false },
		Failed:     func(context.Context, Failure) {},
		MinBackOff: minWait, MaxBackOff: maxWait,
		Passive: true,
	}
	if change != nil {
		change(&cfg)
	}
	e := New(t.Context(), cfg)
	e.Start()
	t.Cleanup(e.Close)
	return e
}

func background(cfg *Config[int]) { cfg.Passive = false }

// value makes a snapshot that is obtained now.
func value(n int) *Snapshot[int] { return valueAt(n, time.Now().Round(0)) }

func valueAt(n int, now time.Time) *Snapshot[int] {
	return &Snapshot[int]{
		Value: n, Since: now, RenewAt: now.Add(renewal), FreshUntil: now.Add(lifetime - leeway),
		Expiry: now.Add(lifetime),
	}
}

// script is a run of the engine that counts, and returns 1, 2, 3, … as long as
// it does not fail.
type script struct {
	runs  atomic.Int64
	takes time.Duration
	keep  time.Duration // after which a value is renewed though nobody uses it; zero: never

	mu  sync.Mutex
	err error
	at  []time.Time
}

func (s *script) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *script) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

func (s *script) run(f *Flight[int]) (*Snapshot[int], error) {
	n := s.runs.Add(1)
	s.mu.Lock()
	err := s.err
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	if s.takes > 0 {
		select {
		case <-time.After(s.takes):
		case <-f.Context().Done():
			return nil, context.Cause(f.Context())
		}
	}
	if err != nil {
		return nil, err
	}
	return publishKept(f, int(n), s.keep)
}

func publish(f *Flight[int], n int) (*Snapshot[int], error) { return publishKept(f, n, 0) }

func publishKept(f *Flight[int], n int, keep time.Duration) (*Snapshot[int], error) {
	f.Obtained = true
	if f.Why == Force && f.lane == &f.lane.e.signIn {
		f.Claim(func(uint64) {})
	}
	s := valueAt(n, f.lane.e.now())
	if keep > 0 {
		s.KeepAt = s.Since.Add(keep)
	}
	if f.Publish(s) {
		return s, nil
	}
	return nil, nil
}

func (s *script) ran(t *testing.T, want int64) {
	t.Helper()
	if got := s.runs.Load(); got != want {
		t.Fatalf("%d runs, want %d", got, want)
	}
}

// gives asserts that a call gave the value want.
func gives(t *testing.T, want int) func(*Snapshot[int], error) {
	return func(s *Snapshot[int], err error) {
		t.Helper()
		if err != nil || s == nil || s.Value != want {
			t.Fatalf("got %v, %v, want the value %d", s, err, want)
		}
	}
}

// fails asserts that a call gave an error that is want.
func fails(t *testing.T, want error) func(*Snapshot[int], error) {
	return func(s *Snapshot[int], err error) {
		t.Helper()
		if s != nil || !errors.Is(err, want) {
			t.Fatalf("got %v, %v, want the error %v", s, err, want)
		}
	}
}

// outcome is what a call in a goroutine of its own gave.
type outcome struct {
	done chan struct{}
	s    *Snapshot[int]
	err  error
}

func goes(ctx context.Context, call func(context.Context) (*Snapshot[int], error)) *outcome {
	o := &outcome{done: make(chan struct{})}
	go func() {
		defer close(o.done)
		o.s, o.err = call(ctx)
	}()
	return o
}

func (o *outcome) result() (*Snapshot[int], error) {
	<-o.done
	return o.s, o.err
}

func (o *outcome) pending() bool {
	synctest.Wait()
	select {
	case <-o.done:
		return false
	default:
		return true
	}
}

// set makes s the value from outside.
func set(e *Engine[int], s *Snapshot[int]) { e.Set(e.Claim(func(uint64) {}), s) }
