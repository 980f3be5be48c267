package chaos

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
)

// todo is what must happen before the test goes on, in any order.
type todo[K comparable] struct {
	t    *testing.T
	some chan struct{} // has room for one word that something was done

	// mu guards left, once there is more than one goroutine.
	mu   sync.Mutex
	left map[K]bool
}

func todoOf[K comparable](t *testing.T, all []K) *todo[K] {
	t.Helper()
	d := &todo[K]{t: t, some: make(chan struct{}, 1), left: map[K]bool{}}
	for _, k := range all {
		d.left[k] = true
	}
	return d
}

func (d *todo[K]) done(k K) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.left[k] {
		return
	}
	delete(d.left, k)
	select {
	case d.some <- struct{}{}:
	default:
	}
}

func (d *todo[K]) waits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.left)
}

// wait waits until all is done. It fails the test when nothing has been done
// for [progress.Limit].
func (d *todo[K]) wait(until string) {
	d.t.Helper()
	for d.waits() > 0 {
		select {
		case <-d.some:
		case <-time.After(progress.Limit):
			d.mu.Lock()
			defer d.mu.Unlock()
			left := slices.Collect(maps.Keys(d.left))
			d.t.Fatalf("nothing for %v, until %s: %v are left", progress.Limit, until, left)
		}
	}
}
