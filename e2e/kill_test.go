package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	lanes     = 5 // tokens whose holders are killed side by side, so that waits for a lease pass together
	rounds    = 2
	killsEach = lanes * rounds
	killLife  = time.Hour // of access tokens: only what the test asks for is renewed
)

// outcome is what became of a token whose holder was killed.
type outcome string

const (
	recovered outcome = "recovered"
	graced    outcome = "recovered, by the server's grace"
	lost      outcome = "ErrLoginRequired"
)

// TestKill_HoldersOfTheLock kills a process at each point of a renewal, many
// times, and lets another one take over. A refresh token that the server has
// rotated without that anybody knows the new one is lost where the server has
// no grace; everything else must be recovered.
func TestKill_HoldersOfTheLock(t *testing.T) {
	t.Parallel()
	var table tally
	t.Cleanup(func() { t.Logf("\n%v", &table) })
	for _, c := range combinations(append(slices.Clone(rotatingKinds), withGrace)...) {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			wakes := startWakes(t, c.start(t, killLife), c.store.at(t))
			for _, at := range c.store.kills {
				want := outcomeOf(c.rotatingKind, at)
				for range rounds {
					for _, got := range killAll(wakes, at) {
						table.add(c, at, got)
						if got != want {
							t.Errorf("killed %s: %s, want %s", at, got, want)
						}
					}
				}
				if n := table.kills(c, at); n != killsEach {
					t.Errorf("%d kills %s, want %d", n, at, killsEach)
				}
			}
		})
	}
}

// outcomeOf is the only honest one.
func outcomeOf(k rotatingKind, p point) outcome {
	switch {
	case p == sending || p == renamed || p == saved:
		return recovered
	case k.name == withGrace.name:
		return graced
	default:
		return lost
	}
}

// wake is a row of processes, each of which takes over the token from the one
// before and is then killed itself.
type wake struct {
	t       *testing.T
	server  rotating
	store   common
	heir    *process
	history []string // the access tokens that the store has held, in order

	left     oauth2grant.Token // by the one that was killed last
	replayed bool              // the server has rotated what is left away
	renewal  pending           // by the heir
}

func startWakes(t *testing.T, s rotating, c common) (wakes []*wake) {
	t.Helper()
	for i := range lanes {
		w := &wake{t: t, server: s, store: c.beside(t, fmt.Sprint(i))}
		w.signIn()
		w.heir = w.spawn()
		w.heir.tokenFrom(t, doToken)
		wakes = append(wakes, w)
	}
	return wakes
}

// killAll kills one process of each wake and says how the next ones fare.
func killAll(wakes []*wake, at point) (outcomes []outcome) {
	for _, w := range wakes {
		w.kill(at)
	}
	for _, w := range wakes {
		w.takeOver()
	}
	for _, w := range wakes {
		outcomes = append(outcomes, w.outcome())
	}
	return outcomes
}

// kill kills the heir at the point.
func (w *wake) kill(at point) {
	w.t.Helper()
	before, sent := w.store.get(w.t), w.heir.do(w.t, doTell).Sent.Tokens
	_, there := w.heir.until(w.t, at, order{Do: doRenew})
	next := w.spawn()
	w.heir.kill()
	w.heir, w.left = next, w.store.get(w.t)
	if kept := same(w.left, before); kept != (at != renamed && at != saved) {
		w.t.Errorf("killed %s: the store holds the token from before: %t", at, kept)
	}
	w.replayed = there.Sent.Tokens > sent && same(w.left, before)
}

// takeOver lets the heir begin with what is left.
func (w *wake) takeOver() {
	w.t.Helper()
	if r := w.heir.tokenFrom(w.t, doToken); r.Access != w.left.AccessToken || r.Sent.Tokens != 0 {
		w.t.Errorf("the next process did not take the token from the store as it is: %d token requests", r.Sent.Tokens)
	}
	w.note(w.left)
	w.renewal = w.heir.order(w.t, order{Do: doRenew})
}

func (w *wake) outcome() outcome {
	w.t.Helper()
	r, now := w.renewal.wait(w.t), w.store.get(w.t)
	if r.Sent.Tokens != 1 {
		w.t.Errorf("%d token requests, want 1", r.Sent.Tokens)
	}
	switch {
	case r.is("ErrLoginRequired"):
		w.staysLost()
		return lost
	case r.Err != "" || now.AccessToken != r.Access || now.RefreshToken != r.Refresh:
		w.t.Fatalf("after the kill: %q; the store has what it gave: %t", r.Err, now.AccessToken == r.Access)
	}
	w.note(now)
	if w.replayed {
		return graced
	}
	return recovered
}

// staysLost asks again and again, which leads to no further request, and then
// signs in elsewhere, which heals it.
func (w *wake) staysLost() {
	w.t.Helper()
	for range 3 {
		if r := w.heir.do(w.t, doRenew); !r.is("ErrLoginRequired") || r.Sent.Tokens != 1 {
			w.t.Errorf("got %q after %d token requests, want ErrLoginRequired and no second one", r.Err, r.Sent.Tokens)
		}
	}
	if !same(w.store.get(w.t), w.left) {
		w.t.Error("the store was changed")
	}
	w.signIn()
	// Adopted, or renewed where the store had told of it before.
	if r := w.heir.tokenFrom(w.t, doRenew); r.Access != w.store.get(w.t).AccessToken {
		w.t.Error("the new sign-in was not taken up")
	}
	w.note(w.store.get(w.t))
}

func (w *wake) signIn() {
	w.t.Helper()
	token := w.server.signIn(w.t)
	w.store.put(w.t, token)
	w.note(token)
}

// note sees to it that no token comes back once there was a newer one.
func (w *wake) note(held oauth2grant.Token) {
	w.t.Helper()
	last := len(w.history) - 1
	switch i := slices.Index(w.history, held.AccessToken); {
	case i < 0:
		w.history = append(w.history, held.AccessToken)
	case i != last:
		w.t.Errorf("the store holds token %d again, after token %d", i, last)
	}
}

// spawn starts the next process.
func (w *wake) spawn() *process {
	w.t.Helper()
	return w.store.start(w.t, spec{Issuer: w.server.issuer})
}
