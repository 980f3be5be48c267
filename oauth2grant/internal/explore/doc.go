// Package explore is a model checker over the real code of grants that share a
// store. It shows that no sign-in is lost, whatever happens in which order.
//
// Grants that stand for processes run in a [testing/synctest] bubble, on a
// store and an authorization server that live in memory. Every call of these
// two, the authentication of the client and the first Read of a request's body
// stop at a gate. Once every goroutine of the bubble is blocked, the explorer
// chooses what happens next: which gate lets its call pass, whether that fails
// or its answer is lost, whether somebody calls a method or leaves, whether a
// process is killed, or stopped for longer than its lock lives, whether the
// lock is lost, New's context ends, a clock jumps, the store is away, or goes
// back in time, or time passes.
//
//	Search ─┐            ┌─▶ gates ◀── Store, http.RoundTripper, ClientAuth, Flow ◀── Grant
//	Random ─┼─▶ choose ──┤                                                             ▲
//	Replay ─┘            └─▶ calls ────────────────────────────────────────────────────┘
//	                          rules, after every step, and at rest
//
// A schedule is the list of choices. [Search] enumerates them depth first: it
// keeps no state, but begins anew and repeats the choices before the one that
// is to be another. Of two orders of choices that touch different things it
// follows one. Beyond the steps that are searched, everything goes on fairly,
// first come, first served, until nothing happens any more; then every process
// must still be able to renew, and to close.
//
// The rules are those of rules.go. They know the only windows in which a
// refresh token may be lost: its holder was killed, or stopped for longer than
// its mark lives; the store went back in time and nobody alive knows better;
// the grant was closed, or New's context ended, while the store was away; the
// answer was lost on the wire. What SetToken could not save because the store
// could not even be read is saved later over whatever is there, and a sign-out
// that the store has failed deletes only the sessions that its process knew.
// Every other schedule that breaks a rule is a fault of the code, and [Replay]
// follows it again.
//
// Chance has no place here: the schedule of a grant is given jitter and
// back-off without randomness. A schedule that meets other choices when it is
// repeated is counted as strayed, and repeated until it does not.
package explore
