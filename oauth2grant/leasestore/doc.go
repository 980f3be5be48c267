// Package leasestore is what every [oauth2grant.Store] on a database that many
// machines share has in common: the lock with its lease, the fence, the mark of
// a request under way, sealing, news and errors. What is left to write for a
// database is a [Backend]; package contrib/redisstore, pgstore and etcdstore
// are three of them.
//
// # A Backend
//
// A Backend keeps one [Record] per key, and changes it by four rules, each in
// one step of the database: a script, a statement, a transaction. The rules are
// the methods [Record.Change], [Record.TryLock], [Record.Extend] and
// [Record.Unlock]. A database that can run Go code calls them, as the example
// does: it is in leasestore/example_test.go, a Backend over a map. Another one
// says the same in its own language. The fields of a Record are kept in
// whatever form suits the database, JSON in one column included.
//
// Time is the database's: the clocks of the processes are never compared. Only
// a database within the machine, such as SQLite, may take time.Now.
//
// A database that tells nobody of a change is looked at in [Backend.Watch]: a
// number that each told change raises, read a few times a second, will do.
//
// Run granttest/storetest on the result, with several processes, a server that
// is taken away and a lease that is lost. Open makes a [Family] for each
// Store, as another process has it, and the suite closes that. What has the
// Close embeds the Store, so that Notify and SaveAnswer stay visible:
//
//	type process struct {
//		*leasestore.Store
//		family *leasestore.Family
//	}
//
//	func (p process) Close() error { return p.family.Close() }
//
//	var harness = storetest.Harness{
//		Name: "mystore", Processes: true, Notifies: true, Answers: true,
//		Lease:   5 * time.Second, // as in Config
//		FreedIn: 30 * time.Second,
//		Open: func(key string) (oauth2grant.Store, error) {
//			family, err := leasestore.New(backend, leasestore.Config{Name: "mystore"})
//			return process{family.Store(key), family}, err
//		},
//		Place:     func(testing.TB) string { return rand.Text() },
//		LoseLease: func(key string) error { return raiseFenceAndClearUntil(key) },
//		Break:     func(key string) (heal func(), err error) { return takeAway() },
//	}
//
// # What is guaranteed
//
// One holder at a time has the lock of a key, for [Config.Lease], extended in
// the background until unlock. Within one process callers get it in the order
// in which they came; between processes it is tried for, after 20 ms, later
// after half a second. The context held by its holder ends when the lease is
// over, on the monotonic clock or on the wall clock, whichever comes first: one
// of them goes on while a machine sleeps. Its Err looks at both clocks when it
// is called, so a process that wakes up after its lease knows at once.
//
// Each Lock takes a new fence, a number that only grows. A Save or Delete with
// the context of a lock changes nothing, and fails with
// [oauth2grant.ErrLockLost], once somebody else has taken the lock or has
// changed the token without it. Without such a context a Save always goes by,
// unless its token has a mark ([oauth2grant.AnswerSaver]).
//
// While the record carries the mark of a request, the lease lasts 10 s or
// [Config.Lease], whichever is longer, and its holder extends it until unlock,
// also if the database was away for longer than that. Whoever finds such a
// lease to be over, without having watched the database until then, leaves the
// holder another three seconds to be heard of. So after a kill a caller without
// a usable token waits for max([Config.Lease], 10 s) and half a second at most,
// and after an outage of the database nobody sends a refresh token while its
// answer waits to be saved. A process that gives up sooner, again and again,
// never gets such a lock.
//
// # What happens when
//
//   - The database can't be reached, or does not answer in time: every call
//     returns an error after 3 s, or when its context ends. Calls work again as
//     soon as it does.
//   - It is away while a lock is held: held ends when the lease may be over,
//     with a cause that wraps [oauth2grant.ErrLockLost].
//   - It is wiped: Load returns [oauth2grant.ErrNoToken], and every held ends.
//   - A token was deleted: Load returns [oauth2grant.ErrSignedOut], for at least
//     a day.
//   - The subscription breaks: it connects again by itself, and then tells every
//     subscriber that its token may have changed.
package leasestore
