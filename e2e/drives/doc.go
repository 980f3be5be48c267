// Package drives has no code but its tests: clients of other projects, in their
// newest versions, each driven by one grant against a server within the test. A
// thousand goroutines lead to one token request, and a token that was renewed
// is the one that is used.
package drives
