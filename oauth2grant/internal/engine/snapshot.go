package engine

import (
	"cmp"
	"math"
	"sync/atomic"
	"time"
)

// Snapshot is one published value with its times, all of the wall clock. It is
// immutable but for the mark that it was used.
type Snapshot[T any] struct {
	Value      T
	Since      time.Time // when it was published, on both clocks
	RenewAt    time.Time // when the background renews it; zero: never
	KeepAt     time.Time // when it does so though nobody uses it; zero: never
	FreshUntil time.Time // until when nobody waits for a newer one; zero: for ever
	Expiry     time.Time // until when it is better than an error; zero: for ever
	Invalid    bool      // somebody refused it: it is kept only to be compared with

	quiet, fresh, expiry int64 // Unix nanoseconds; before quiet a reader has nothing to do
	used                 atomic.Bool
	sealed, wall         time.Time    // one moment: on the monotonic clock, and on the wall clock
	first                *Snapshot[T] // with the same value, before its times came nearer; nil: s itself
}

const never = math.MaxInt64

// seal makes s ready to be read, in a moment of the wall clock.
func (s *Snapshot[T]) seal(wall time.Time) *Snapshot[T] {
	s.sealed, s.wall = time.Now(), wall
	if s.Invalid {
		s.quiet, s.fresh, s.expiry = 0, 0, 0
		return s
	}
	s.fresh, s.expiry = nanos(s.FreshUntil), nanos(s.Expiry)
	s.quiet = min(nanos(s.RenewAt), s.fresh)
	return s
}

// nearer returns s with its times nearer by so much.
func (s *Snapshot[T]) nearer(by time.Duration) *Snapshot[T] {
	move := func(t time.Time) time.Time {
		if t.IsZero() {
			return t
		}
		return t.Add(-by)
	}
	moved := &Snapshot[T]{
		first: cmp.Or(s.first, s), Value: s.Value, Since: s.Since, RenewAt: move(s.RenewAt), KeepAt: move(s.KeepAt),
		FreshUntil: move(s.FreshUntil), Expiry: move(s.Expiry), Invalid: s.Invalid,
	}
	moved.used.Store(s.used.Load())
	return moved
}

// is reports whether both have the same value, of one publication.
func (s *Snapshot[T]) is(other *Snapshot[T]) bool {
	if s == nil || other == nil {
		return s == other
	}
	return cmp.Or(s.first, s) == cmp.Or(other.first, other)
}

// nanos reads a time, of which zero means never. Those that int64 can't hold
// are as good as the ends of it.
func nanos(t time.Time) int64 {
	switch year := t.Year(); {
	case t.IsZero() || year > 2261:
		return never
	case year < 1970:
		return 0
	}
	return t.UnixNano()
}

// mark notes that the value was used.
func (s *Snapshot[T]) mark() {
	if !s.used.Load() {
		s.used.Store(true)
	}
}
