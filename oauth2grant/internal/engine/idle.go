package engine

import "time"

// idleness knows whether anybody still uses the value, from the marks that
// readers leave on it.
type idleness[T any] struct {
	after time.Duration // zero: it never rests
	last  time.Time     // it was used then, or later; of the monotonic clock
}

// observe takes the mark off.
func (i *idleness[T]) observe(s *Snapshot[T]) {
	if i.after > 0 && s != nil && s.used.Swap(false) {
		i.last = time.Now()
	}
}

func (i *idleness[T]) rests() bool { return i.after > 0 && time.Since(i.last) >= i.after }

// wake returns in how long to look again, negative for not at all: when the
// plan is due and, to take the mark off, so long before it that a use after
// that counts. A value that is spared by then is to be kept in so long, zero
// for not at all.
func (i *idleness[T]) wake(p plan[T], rests bool, keep time.Duration) time.Duration {
	switch before := p.in - i.after; {
	case !p.never && rests && p.in <= 0 && keep > 0:
		return keep
	case p.never, rests && p.in <= 0: // a reader wakes the refresher
		return -1
	case i.after > 0 && p.spare && before > 0:
		return before
	default:
		return max(0, p.in)
	}
}
