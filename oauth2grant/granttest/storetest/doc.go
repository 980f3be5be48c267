// Package storetest holds an oauth2grant.Store to its contract: it runs the
// same checks on any implementation, from one in memory to one that a fleet of
// processes shares. Checks of exclusion and of sudden death start the test
// binary again, and kill it.
//
//	var harness = storetest.Harness{
//		Name:      "mystore",
//		Open:      func(place string) (oauth2grant.Store, error) { return mystore.Open(place) },
//		Place:     func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "token") },
//		Processes: true,
//	}
//
//	func TestMain(m *testing.M) {
//		storetest.Subprocess(harness)
//		os.Exit(m.Run())
//	}
//
//	func TestStore(t *testing.T) { storetest.Run(t, harness) }
//
// For a store over a Backend of package leasestore, the comment of that package
// has a Harness.
//
// The suite waits for events. Its durations only bound how long it waits for
// one that does not come.
package storetest
