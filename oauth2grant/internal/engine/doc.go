// Package engine keeps one value fresh: an atomic snapshot for readers, shared flights to renew it, a memory of failures, and one background goroutine
// that renews ahead of time. It knows nothing of tokens or HTTP.
//
//	reader ──▶ Fresh ──▶ snapshot                     (never waits)
//	caller ──▶ Get ──▶ lane ──▶ flight ──▶ Publish    (waits on its own context)
//	refresher ──────────▲                             (when a renewal is due, or a reader says that it is late)
package engine
