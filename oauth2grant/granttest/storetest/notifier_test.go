package storetest

import "sync"

// notifier adds Notify to memory.
type notifier struct {
	*memory
	careless bool // stop waits for nobody
	deaf     bool
	endless  bool // stop stops nothing
}

type subscriber struct {
	wakeup chan struct{}
	done   chan struct{}
	ended  chan struct{}
}

func (s *subscriber) wake() {
	select {
	case s.wakeup <- struct{}{}:
	default:
	}
}

func (n notifier) Notify(changed func()) func() {
	s := &subscriber{make(chan struct{}, 1), make(chan struct{}), make(chan struct{})}
	if !n.deaf {
		n.subscribers.Store(s, s)
	}
	go func() {
		defer close(s.ended)
		for {
			select {
			case <-s.wakeup:
				changed()
			case <-s.done:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		n.subscribers.Delete(s)
		if n.endless {
			n.subscribers.Store(s, direct(changed))
		}
		close(s.done)
		if !n.careless {
			<-s.ended
		}
	})
}

// direct is a subscription that nothing ends.
type direct func()

func (d direct) wake() { d() }
