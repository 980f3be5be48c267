package engine

import (
	"context"
	"time"
)

// Reason says why a flight was started.
type Reason int

// Reasons, the weakest first.
const (
	Look  Reason = iota // somebody else may have changed the value
	Need                // a caller has no fresh value
	Due                 // it is time
	Force               // a caller wants a new one
)

// Config is what an engine works with. Its funcs get a context that names the
// engine; none is called under a lock.
type Config[T any] struct {
	// Renew obtains the next value without asking a person, and publishes it
	// through the flight. It returns nil and no error when nothing had to be
	// done. If it returns both a snapshot and an error, the callers get the
	// snapshot, and the error is remembered.
	Renew func(*Flight[T]) (*Snapshot[T], error)

	// SignIn obtains a value in the way that may ask a person: with Force in
	// any case, with Need unless somebody else has done so meanwhile.
	SignIn func(*Flight[T]) (*Snapshot[T], error)

	// Interactive says that SignIn asks a person. Then it is stopped when
	// nobody waits for it any more.
	Interactive bool

	// Judge says what an error of the two means.
	Judge func(error) Verdict

	// Changed reports whether a refused question would be another one now. It
	// is asked at most once a second.
	Changed func(context.Context) bool

	// Failed is told of every failure, after the callers were released.
	Failed func(ctx context.Context, failure Failure)

	// Now is the wall clock. If nil, it is time.Now.
	Now func() time.Time

	// MinBackOff and MaxBackOff bound the wait after a failure.
	MinBackOff, MaxBackOff time.Duration

	// IdleAfter is for how long a value that nobody uses is renewed ahead. If
	// zero, it is always renewed.
	IdleAfter time.Duration

	// Eager says that the background renews at once.
	Eager bool

	// Passive says that nothing is done in the background.
	Passive bool

	// Watcher, if not nil, wakes the refresher after the machine has slept. It
	// is left when the engine's life has ended.
	Watcher *Watcher

	// Ended is called once, when the engine's life has ended, by Close or with
	// its ctx, and everything that ran in it has returned. Close waits for it.
	Ended func()
}
