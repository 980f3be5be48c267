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
	next    int
	members map[int]func()
	stop    chan struct{}
	stopped chan struct{}
}

// Join has wake, which must not block, called after every jump, until leave is
// called. If it was the last to leave, leave waits for the goroutine.
func (w *Watcher) Join(wake func()) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.members) == 0 {
		w.members = map[int]func(){}
		w.stop, w.stopped = make(chan struct{}), make(chan struct{})
		began := time.Now()
		go w.watch(began, w.apart(began), w.stop, w.stopped)
	}
	w.next++
	id := w.next
	w.members[id] = wake
	return sync.OnceFunc(func() { w.leave(id) })
}

func (w *Watcher) leave(id int) {
	w.mu.Lock()
	delete(w.members, id)
	last, stop, stopped := len(w.members) == 0, w.stop, w.stopped
	if last {
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
	for _, wake := range w.members {
		wake()
	}
}
