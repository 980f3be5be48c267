package engine

import (
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Random returns the next random number in [0, 1), from which jitter and
// back-off are drawn. It is a variable so that a schedule can be replayed.
var Random = rand.Float64

// Kind is what a failure means for those who ask next.
type Kind int

// Kinds of failures.
const (
	// Later: everybody asks again after the back-off.
	Later Kind = iota
	// Seldom: everybody asks again after MaxBackOff, then after twice that, up
	// to Verdict.Longest.
	Seldom
	// Refused is Seldom, and the background does not ask again at all.
	Refused
	// WhileUsable is Later, but only for as long as there is a usable value:
	// without one there is another way, which is taken at once.
	WhileUsable
	// NeedsLogin: only a person can help, on the sign-in lane. The background
	// asks again as after Seldom, unless Verdict.CallersOnly is set.
	NeedsLogin
	// Harmless: the value is good all the same. Nobody is kept from asking.
	Harmless
)

// Verdict says what a failure means.
type Verdict struct {
	Kind

	// CallersOnly says that the background does not ask again after a
	// NeedsLogin.
	CallersOnly bool

	// After is for how long the server asked not to be asked again. If zero, it
	// did not say.
	After time.Duration

	// Longest bounds the wait of Seldom, Refused and NeedsLogin. If zero, it is
	// 5 min.
	Longest time.Duration

	// Every, if not zero, is the fixed interval at which the background tries
	// again.
	Every time.Duration
}

// Failure is what Config.Failed is told.
type Failure struct {
	Err      error
	RetryIn  time.Duration // until the background tries again; zero: it does not
	Started  time.Time     // when the flight began
	Duration time.Duration
	Waiters  int // callers who waited for the flight
	Dropped  int // reports before this one
}

// memory is what a lane remembers of its failures since the last success. The
// nil memory is that of none. Its times are of the monotonic clock.
type memory struct {
	err      error // of the last failure
	verdict  Verdict
	until    time.Time // before it no caller asks again
	again    time.Time // when the background asks again
	count    int       // in a row
	schedule *backoff.ExponentialBackOff
	pause    time.Duration // after the last refusal
	overtake time.Time     // from when on a refused question that has changed may be asked
	probe    time.Time     // when the background looks whether a refused question has changed
}

const (
	mostOvertakes  = 3
	longestRefusal = 5 * time.Minute
	longestWish    = time.Hour // with its jitter
	growth         = 2
	probePause     = time.Second // between two looks whether a question has changed
)

// fail notes a failure and returns in how long the background tries again.
func (m *memory) fail(err error, v Verdict, low, high time.Duration) time.Duration {
	now := time.Now()
	m.err, m.verdict = err, v
	m.count++
	var wait time.Duration
	if v.Kind == Seldom || v.Kind == Refused || v.Kind == NeedsLogin && !v.CallersOnly {
		longest := v.Longest
		if longest == 0 {
			longest = longestRefusal
		}
		m.pause = max(high, min(growth*m.pause, longest))
		wait = m.pause
	} else {
		wait = m.draw(low, high)
	}
	if v.After > 0 { // and then not everybody in that moment
		after := min(v.After, longestWish/5*4)
		wait = max(wait, after+between(0, max(low, after/4)))
	}
	m.until, m.again = now.Add(wait), now.Add(wait)
	if v.Every > 0 {
		wait = v.Every
		m.again = now.Add(wait)
	}
	m.probe = now.Add(high)
	m.overtake = now
	if m.count > mostOvertakes { // credentials that are others each time would be tried without end
		m.overtake = m.until
	}
	return wait
}

// draw returns a wait between the shortest and the current interval of the
// schedule.
func (m *memory) draw(low, high time.Duration) time.Duration {
	if m.schedule == nil {
		m.schedule = backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(min(growth*low, high)),
			backoff.WithMultiplier(growth),
			backoff.WithMaxInterval(high),
			backoff.WithMaxElapsedTime(0),      // never give up
			backoff.WithRandomizationFactor(0), // drawn below: backoff's own randomness exceeds the maximum
		)
	}
	return between(low, m.schedule.NextBackOff())
}

func between(low, high time.Duration) time.Duration {
	if high <= low {
		return high
	}
	return low + time.Duration(Random()*float64(high-low))
}

// retries reports whether the background asks again.
func (m *memory) retries() bool { return m != nil && !m.refusedToAll() }

// refusedToAll reports whether the background leaves the question to callers.
func (m *memory) refusedToAll() bool { return m != nil && (m.refused() || m.verdict.CallersOnly) }

// isHarmless reports whether the value is good all the same.
func (m *memory) isHarmless() bool { return m != nil && m.verdict.Kind == Harmless }

// refused reports whether the last answer can only change if the question does.
func (m *memory) refused() bool { return m != nil && m.verdict.Kind == Refused }

// asksAnew reports whether it is time to look whether a refused question has
// changed, and until when the refusal stands. Nobody else looks within the next
// second.
func (m *memory) asksAnew(now time.Time) (asks bool, until time.Time) {
	if !m.refused() || now.Before(m.overtake) {
		return false, time.Time{}
	}
	m.overtake = now.Add(probePause)
	return true, m.until
}

// stands reports whether the last failure is still the answer for those who
// ask.
func (m *memory) stands(now time.Time, usable bool) bool {
	switch {
	case m == nil || m.isHarmless() || !now.Before(m.until):
		return false
	default:
		return usable || m.verdict.Kind != WhileUsable
	}
}

func (m *memory) failures() (count int, last error) {
	if m == nil {
		return 0, nil
	}
	return m.count, m.err
}
