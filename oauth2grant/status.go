package oauth2grant

import (
	"encoding/json"
	"errors"
	"time"
)

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

// String returns the state in one word, such as "fresh" or "login-required".
func (s State) String() string {
	names := [...]string{"empty", "fresh", "stale", "expired", "login-required", "closed"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// MarshalText implements [encoding.TextMarshaler]: it returns [State.String].
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Status is a grant's condition, for health checks. It holds no secret.
type Status struct {
	State State

	// Usable says that there is a token that an API should accept. Calls return
	// it without waiting, unless it ends within [Refresh].Leeway: then they
	// wait for the next one, and return this one if there is none.
	Usable bool

	// Expiry is that of the token held; zero if it is unknown, or there is
	// none.
	Expiry time.Time

	// RefreshExpiry is when the refresh token held ends, and with it the
	// session; zero if the server did not say so, or there is none.
	RefreshExpiry time.Time

	// NextRefresh is when the background renews or tries again; zero if it does
	// not by itself.
	NextRefresh time.Time

	// Failures is the number of failed attempts in a row.
	Failures int

	// Err is the error of the last attempt; nil if it succeeded.
	Err error
}

// MarshalJSON writes the status with names in snake case, the state and the
// error as text. Members that are zero are left out.
func (s Status) MarshalJSON() ([]byte, error) {
	var text string
	if s.Err != nil {
		text = s.Err.Error()
	}
	return json.Marshal(struct {
		State         State     `json:"state"`
		Usable        bool      `json:"usable"`
		Expiry        time.Time `json:"expiry,omitzero"`
		RefreshExpiry time.Time `json:"refresh_expiry,omitzero"`
		NextRefresh   time.Time `json:"next_refresh,omitzero"`
		Failures      int       `json:"failures,omitempty"`
		Error         string    `json:"error,omitempty"`
	}{s.State, s.Usable, s.Expiry, s.RefreshExpiry, s.NextRefresh, s.Failures, text})
}

// Status returns the condition of the grant, for health checks. It makes no
// request and does not block.
func (g *Grant) Status() Status {
	if g.grant == nil {
		return Status{State: StateClosed, Err: errZeroGrant}
	}
	if err := g.engine.Closed(); err != nil {
		return Status{State: StateClosed, Err: err}
	}
	failures, next, last := g.engine.Health()
	s := Status{Failures: failures, Err: last, NextRefresh: next}
	current := g.engine.Current()
	if current != nil {
		s.Expiry, s.RefreshExpiry = current.Expiry, current.Value.token.refreshExpiry()
		s.Usable = usable(current)
	}
	switch {
	case errors.Is(last, ErrLoginRequired):
		s.State = StateLoginRequired
	case current == nil:
		s.State = StateEmpty
	case !s.Usable:
		s.State = StateExpired
	case current.RenewAt.IsZero() || wallNow().Before(current.RenewAt):
		s.State = StateFresh
	default:
		s.State = StateStale
	}
	return s
}

// usable reports whether a token is better than an error.
func usable(s *snapshot) bool {
	return s != nil && !s.Invalid && (s.Expiry.IsZero() || wallNow().Before(s.Expiry))
}
