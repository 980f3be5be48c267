package oauth2grant

import (
	"context"
	"time"
)

// Hooks are told of what happens in a grant, one after another, after those who waited for it were released. They may take their time, and call anything but
// Close. A call on the same grant with the hook's own ctx gives an error where it would have to wait. nil funcs are skipped.
type Hooks struct {
	OnToken func(ctx context.Context, t Token)                          // the grant holds another token
	OnError func(ctx context.Context, err error, retryIn time.Duration) // an attempt failed; retryIn zero: the background does not try again
}

// State is that of a grant's token.
type State int

// States, in the order of a token's life.
const (
	StateEmpty         State = iota // no token yet
	StateFresh                      // usable, and not due for renewal
	StateStale                      // usable, renewal due
	StateExpired                    // not usable; the next call obtains another
	StateLoginRequired              // only a person can obtain the next one
	StateClosed                     // the grant is closed
)

// String names the state in one word.
func (s State) String() string {
	names := [...]string{"empty", "fresh", "stale", "expired", "login-required", "closed"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Status is a grant's condition, for health checks. It holds no secret.
type Status struct {
	State       State
	Usable      bool      // calls get a token without waiting, or would rather than an error
	Expiry      time.Time // of the token held; zero: unknown, or none
	NextRefresh time.Time // when the background renews or tries again; zero: not by itself
	Failures    int       // in a row
	Err         error     // of the last attempt; nil: it succeeded
}
