// Package fanout passes changes of topics on to those who subscribed to them.
package fanout

import (
	"maps"
	"slices"
	"sync"
)

// Set is a set of subscriptions. Its zero value is empty and ready for use; it
// is safe for concurrent use.
type Set struct {
	mu     sync.Mutex
	topics map[string]map[*subscription]bool
}

type subscription struct {
	mu      sync.Mutex // held during a call
	stopped bool
	changed func()
}

// Add subscribes to a topic until stop is called, which waits for a call under
// way; so changed must not call it.
func (s *Set) Add(topic string, changed func()) (stop func()) {
	sub := &subscription{changed: changed}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics == nil {
		s.topics = map[string]map[*subscription]bool{}
	}
	if s.topics[topic] == nil {
		s.topics[topic] = map[*subscription]bool{}
	}
	s.topics[topic][sub] = true
	return func() {
		s.remove(topic, sub)
		sub.mu.Lock()
		defer sub.mu.Unlock()
		sub.stopped = true
	}
}

func (s *Set) remove(topic string, sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.topics[topic], sub)
	if len(s.topics[topic]) == 0 {
		delete(s.topics, topic)
	}
}

// Tell calls the subscribers of a topic, one after another.
func (s *Set) Tell(topic string) {
	s.mu.Lock()
	subs := slices.Collect(maps.Keys(s.topics[topic]))
	s.mu.Unlock()
	for _, sub := range subs {
		sub.call()
	}
}

// TellAll calls every subscriber.
func (s *Set) TellAll() {
	s.mu.Lock()
	topics := slices.Collect(maps.Keys(s.topics))
	s.mu.Unlock()
	for _, topic := range topics {
		s.Tell(topic)
	}
}

func (sub *subscription) call() {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	if !sub.stopped {
		sub.changed()
	}
}
