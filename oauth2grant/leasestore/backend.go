package leasestore

import (
	"context"
	"time"
)

// Backend is a database that keeps a [Record] for each key. A key that it does
// not know has the zero Record. Keys are any strings; an error says so if one
// can't be kept.
//
// Its methods are called concurrently, with contexts that end after 3 s at
// most, and return when theirs does: a call of the [Store] that takes longer,
// Lock included, fails. An error says that the outcome is not known; it holds
// neither token nor password. Each change is durable, as far as the database
// makes it so, when the method returns.
type Backend interface {
	// Load returns the record's Token and Version, from where the last change
	// is seen: not from a replica that lags behind.
	Load(ctx context.Context, key string) (token []byte, version int64, err error)

	// Save does what [Record.Change] does, and tells those that watch, unless
	// c.Mark is set.
	Save(ctx context.Context, key string, c Change) (saved bool, err error)

	// TryLock does what [Record.TryLock] does, which may change the record
	// although it returns no fence. Each process that waits for the lock calls
	// it, up to 50 times a second at first and about twice a second in the end:
	// where writers of the database exclude each other, it should only read
	// while somebody's lease is not over.
	TryLock(ctx context.Context, key string, lease, notice time.Duration) (Try, error)

	// Extend does what [Record.Extend] does.
	Extend(ctx context.Context, key string, fence int64, lease time.Duration) (extended bool, err error)

	// Unlock does what [Record.Unlock] does.
	Unlock(ctx context.Context, key string, fence int64) error

	// Watch calls ready once it watches the database, and then changed with the
	// key of every change that is told, also those of this Backend, until ctx
	// ends or the connection breaks. It is called again after a while. Its
	// context has no deadline.
	Watch(ctx context.Context, ready func(), changed func(key string)) error

	// Check returns an error that says what to change, if the database is set
	// up so that tokens or locks would get lost, or can't be used.
	Check(ctx context.Context) error
}

// Change is one change of a [Record].
type Change struct {
	// Token is the new one; nil: none.
	Token []byte

	// Mark is the new token's, empty if it has none.
	Mark string

	// Answers, if not empty, is the mark that the record must carry.
	Answers string

	// Fence, if not zero, is that of the lock which must still be the last one,
	// and Version the one found when it was taken.
	Fence, Version int64

	// Hold is how long the lease lasts at least, counted from now; zero: as it
	// does.
	Hold time.Duration
}

// Try is what came of trying to take a lock.
type Try struct {
	// Fence is the new holder's; zero: somebody else has the lock.
	Fence int64

	// Version is that of the record.
	Version int64

	// Wait is how long somebody else's lease lasts at most.
	Wait time.Duration
}

// Record is what a [Backend] keeps under one key. Its methods are the rules by
// which it changes.
type Record struct {
	// Token is sealed or in clear; nil: there is none. One that is stored and
	// empty is not none, but a token that can't be read. Many drivers return
	// both alike: then let the statement tell which it is.
	Token   []byte
	Version int64 // counts the changes of Token; outlives it

	Mark     string // of the request that is being sent with Token
	Answered string // the mark that Token is the answer to

	Fence  int64     // of the last lock
	Writer int64     // the fence of the last change; zero: it was made without a lock
	Until  time.Time // when the lease is over; zero: the lock was released
}

// Change makes a change at a time, or reports that it must not be made.
//
// With c.Answers it is made if the record carries that mark, or if Token is
// already the answer to it, so that one whose outcome is unknown may be
// repeated. Else, with c.Fence, it is made if that is the last lock's and the
// version is still c.Version or the last change was made with this fence. Else
// it is always made.
func (r *Record) Change(c Change, now time.Time) (changed bool) {
	switch {
	case c.Answers != "":
		if r.Mark != c.Answers && r.Answered != c.Answers {
			return false
		}
	case c.Fence != 0:
		if r.Fence != c.Fence || r.Version != c.Version && r.Writer != c.Fence {
			return false
		}
	}
	if c.Answers == "" {
		r.Writer = c.Fence
	}
	r.Token, r.Mark, r.Answered = c.Token, c.Mark, c.Answers
	r.Version++
	r.hold(c.Hold, now)
	return true
}

// TryLock takes the lock for as long as lease, unless somebody else's lease is
// not over. The new fence is greater than every other one, also of a record
// that was lost: it begins with the time in microseconds.
//
// If the lease is over, but the lock was not released, and the record carries a
// mark, its holder may have been kept from extending it. With a notice that is
// not zero, the lock is then not taken, and the lease lasts for another notice.
func (r *Record) TryLock(now time.Time, lease, notice time.Duration) Try {
	if notice > 0 && r.Mark != "" && !r.Until.IsZero() && !r.Until.After(now) {
		r.Until = now.Add(notice)
	}
	if r.Until.After(now) {
		return Try{Wait: r.Until.Sub(now)}
	}
	r.Fence = max(r.Fence+1, now.UnixMicro())
	r.Until = now.Add(lease)
	return Try{Fence: r.Fence, Version: r.Version}
}

// Extend lets the lease last for as long as lease from now on, and never
// shorter than it does. It reports whether fence is that of the last lock.
func (r *Record) Extend(fence int64, now time.Time, lease time.Duration) (extended bool) {
	if r.Fence != fence {
		return false
	}
	r.hold(lease, now)
	return true
}

// Unlock releases the lock, if fence is that of the last one, and makes sure
// that nothing can be done with this fence any more.
func (r *Record) Unlock(fence int64) {
	if r.Fence == fence {
		r.Fence++
		r.Until = time.Time{}
	}
}

func (r *Record) hold(lease time.Duration, now time.Time) {
	if until := now.Add(lease); lease > 0 && until.After(r.Until) {
		r.Until = until
	}
}
