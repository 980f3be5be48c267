// Package drives has no code but its tests: clients of other projects, in their
// newest versions, each driven by one grant against a server within the test,
// or against a real broker and a real Redis. A thousand goroutines lead to one
// token request, a token that was renewed is the one that is used, a cancelled
// request returns at once, and connections that live long outlive their tokens.
package drives
