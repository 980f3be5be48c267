package storetest

import (
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Harness tells the suite how to reach a store and what it promises. Name, Open
// and Place are needed; what is left zero is not checked, except where it says
// otherwise.
type Harness struct {
	// Name tells the stores of one test binary apart.
	Name string

	// Open returns a new Store on a place: all Stores on one place share one
	// token. It is called in other processes too. A Store with a Close method
	// is closed when its check is over.
	Open func(place string) (oauth2grant.Store, error)

	// Place returns a new, empty place, and removes it with tb.Cleanup.
	Place func(tb testing.TB) string

	// Processes says that the place is shared between processes, so that Lock
	// excludes them and fences Save. It needs [Subprocess] in TestMain.
	Processes bool

	// FreedIn is how long a killed process may keep the lock. If zero, it is 5
	// s.
	FreedIn time.Duration

	// Lease is how long a lock lasts that is not extended; zero: until unlock.
	// A store of package leasestore has a lease in any case: 5 s where the
	// Lease of its own Config is zero.
	Lease time.Duration

	// MaxToken is the largest access token in bytes that the store takes. If
	// zero, 64 KiB are tried.
	MaxToken int

	// Notifies says that the Store is an [oauth2grant.Notifier]. If false, it
	// must not be one.
	Notifies bool

	// Answers says that the Store is an [oauth2grant.AnswerSaver]. If false, it
	// must not be one.
	Answers bool

	// Secrets must not be seen in errors and logs, besides the tokens: keys,
	// passwords.
	Secrets []string

	// Corrupt overwrites what is stored with data, as a fault or a stranger
	// would.
	Corrupt func(place string, data []byte) error

	// KeepsCorrupt says that Save refuses to replace what Corrupt wrote; Delete
	// must still remove it.
	KeepsCorrupt bool

	// LoseLease takes the lock from whoever holds it, so that another can take
	// it, and so that its holder can't extend it. In a record of package
	// leasestore, raise Fence by one and clear Until: a lease that is merely
	// over is extended again.
	LoseLease func(place string) error

	// Break takes the backend away until heal is called: meanwhile every method
	// of every Store on the place fails, Load too. An embedded database needs a
	// hook for that.
	Break func(place string) (heal func(), err error)
}

// Run puts the store of h through every check that it is to pass, each a
// subtest with a place of its own.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks(h) {
		t.Run(c.name, func(t *testing.T) {
			if err := c.try(t, h); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one rule of the contract. It is a value that returns an error, so
// that the suite itself can be tested.
type check struct {
	name string
	run  func(b *bench) error
}

// checks returns the rules that apply to h.
func checks(h Harness) []check {
	list := append(contents(), locking()...)
	list = append(list, faults(h)...)
	list = append(list, leasing(h)...)
	if h.Processes {
		list = append(list, fencing(h)...)
		list = append(list, processes()...)
	}
	list = append(list, answering(h)...)
	return append(list, notifying(h)...)
}
