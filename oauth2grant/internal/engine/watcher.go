package engine

import (
	"sync"
	"time"
)

const (
	watchEvery = time.Minute
	// jumpLeast is the least difference between the clocks that counts as a
	// jump.
	jumpLeast = time.Second
)

// Watcher wakes refreshers when the wall clock has gone on while their timers
// stood still: when the machine has slept, or the clock was set. It has one
// goroutine while anybody has joined. Its zero value is ready for use; it must
// not be copied.
type Watcher struct {
	// Now is the wall clock. If nil, it is time.Now.
	Now func() time.Time

	// mu guards what follows.
	mu      sync.Mutex
	members map[sleeper]struct{}
	stop    chan struct{}
	stopped chan struct{}
}

// sleeper is what a Watcher wakes, which must not block.
type sleeper interface{ Wake() }

// Join has s woken after every jump until it leaves.
func (w *Watcher) Join(s sleeper) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.members == nil {
		w.members = map[sleeper]struct{}{}
		w.stop, w.stopped = make(chan struct{}), make(chan struct{})
		began := time.Now()
		go w.watch(began, w.apart(began), w.stop, w.stopped)
	}
	w.members[s] = struct{}{}
}

// Leave ends what Join began. If s was the last to leave, it waits for the
// goroutine.
func (w *Watcher) Leave(s sleeper) {
	w.mu.Lock()
	_, joined := w.members[s]
	delete(w.members, s)
	last, stop, stopped := joined && len(w.members) == 0, w.stop, w.stopped
	if last {
		w.members = nil // a map keeps its room for ever
		close(stop)
	}
	w.mu.Unlock()
	if last {
		<-stopped
	}
}

// watch compares the clocks until stop is closed. They were apart by so much
// when it began.
func (w *Watcher) watch(began time.Time, apart time.Duration, stop, stopped chan struct{}) {
	defer close(stopped)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return
		}
		if now := w.apart(began); now < apart-jumpLeast || now > apart+jumpLeast {
			apart = now
			w.wakeAll()
		}
	}
}

// apart returns by how much more the wall clock has gone on since began than
// the monotonic clock.
func (w *Watcher) apart(began time.Time) time.Duration {
	now := time.Now()
	wall := now
	if w.Now != nil {
		wall = w.Now()
	}
	return wall.Round(0).Sub(began.Round(0)) - now.Sub(began)
}

func (w *Watcher) wakeAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.members {
		s.Wake()
	}
}
