package engine

import (
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Verdict says what a failure means for those who ask next.
type Verdict struct {
	Seldom      bool          // ask again after MaxBackOff, then twice that, up to an hour; else after the back-off
	CallersOnly bool          // the background does not ask again
	NeedsLogin  bool          // only a person can help: the sign-in lane
	Harmless    bool          // the value is good all the same: nobody is kept from asking
	After       time.Duration // what the server asked for; zero: nothing
}

// memory is what a lane remembers of its failures since the last success.
type memory struct {
	min, max time.Duration

	err      error // of the last failure; nil: none
	verdict  Verdict
	until    time.Time // before it nobody asks again
	count    int       // in a row
	schedule *backoff.ExponentialBackOff
	pause    time.Duration // after the last refusal
	overtake time.Time     // from when on a refused question that has changed may be asked
	probe    time.Time     // when the background looks whether a refused question has changed
}

const (
	mostOvertakes = 3
	longestPause  = time.Hour
	growth        = 2
)

func (m *memory) reset() { *m = memory{min: m.min, max: m.max} }

// fail notes a failure and says how long it lasts.
func (m *memory) fail(err error, v Verdict, now time.Time) (wait time.Duration) {
	m.err, m.verdict = err, v
	m.count++
	if v.Seldom {
		m.pause = max(m.max, min(growth*m.pause, longestPause))
		wait = m.pause
	} else {
		wait = m.next()
	}
	wait = max(wait, min(v.After, longestPause))
	m.until = now.Add(wait)
	m.probe = now.Add(m.max)
	m.overtake = now
	if m.count > mostOvertakes { // credentials that are others each time would be tried without end
		m.overtake = m.until
	}
	return wait
}

// next draws a wait between the shortest and the current interval of the schedule.
func (m *memory) next() time.Duration {
	if m.schedule == nil {
		m.schedule = backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(min(growth*m.min, m.max)),
			backoff.WithMultiplier(growth),
			backoff.WithMaxInterval(m.max),
			backoff.WithMaxElapsedTime(0),      // never give up
			backoff.WithRandomizationFactor(0), // drawn below: backoff's own randomness exceeds the maximum
		)
	}
	return between(m.min, m.schedule.NextBackOff())
}

func between(low, high time.Duration) time.Duration {
	if high <= low {
		return high
	}
	return low + rand.N(high-low+1)
}

// retries tells whether the background may ask again.
func (m *memory) retries() bool { return m.err != nil && !m.verdict.CallersOnly }

// refused tells whether the last answer can only change if the question does.
func (m *memory) refused() bool { return m.err != nil && m.verdict.CallersOnly && m.verdict.Seldom }

// stands tells whether the last failure is still the answer for those who ask at now.
func (m *memory) stands(now time.Time) bool {
	return m.err != nil && !m.verdict.Harmless && now.Before(m.until)
}
