// Package engine keeps one value fresh for any number of readers. It knows
// nothing of tokens or HTTP.
//
// An [Engine] has two lanes. On each there is at most one flight at a time,
// which every caller shares and none can stop: *renew* never asks a person,
// *sign-in* may. A flight runs on a goroutine of its own, detached from its
// callers, and releases them all by closing one channel. The refresher starts
// one when the value is due. It has a goroutine only while it has something to
// do: an engine at rest is a timer.
//
// Times of a value are judged on the wall clock, since the monotonic clock
// stops while a machine sleeps; what lasts within this process, such as a
// back-off, on the monotonic clock, since the wall clock can be set.
package engine
