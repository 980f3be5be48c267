package keyringstore_test

import (
	"errors"
	"maps"
	"sync"

	"github.com/zalando/go-keyring"
)

// memory is a keyring in memory. It can die, and it can wait for a person.
type memory struct {
	mu     sync.Mutex
	items  map[string]string // by service and account
	left   int               // operations before it dies; negative: it lives
	asking chan struct{}     // if not nil: each operation sends on it first, then waits for answer
	answer chan struct{}
	deaf   bool // Set does nothing, and does not say so
}

func newMemory() *memory { return &memory{items: map[string]string{}, left: -1} }

var errDead = errors.New("the process was killed here")

// begin is the beginning of an operation: it fails after death, as if nothing
// ran any more.
func (m *memory) begin() error {
	m.mu.Lock()
	asking, answer := m.asking, m.answer
	m.mu.Unlock()
	if asking != nil {
		asking <- struct{}{}
		<-answer
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return errDead
	}
	m.left--
	return nil
}

func (m *memory) Get(service, account string) (string, error) {
	if err := m.begin(); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	secret, ok := m.items[service+":"+account]
	if !ok {
		return "", keyring.ErrNotFound
	}
	return secret, nil
}

func (m *memory) Set(service, account, secret string) error {
	if err := m.begin(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case len(secret) > 2560:
		return keyring.ErrSetDataTooBig
	case !m.deaf:
		m.items[service+":"+account] = secret
	}
	return nil
}

func (m *memory) Delete(service, account string) error {
	if err := m.begin(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.items[service+":"+account]; !ok {
		return keyring.ErrNotFound
	}
	delete(m.items, service+":"+account)
	return nil
}

// ask lets each operation wait for a person from now on. asked has one element
// for each that does; answer lets them go on, and ends it.
func (m *memory) ask() (asked <-chan struct{}, answer func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	asking, answers := make(chan struct{}, 1000), make(chan struct{})
	m.asking, m.answer = asking, answers
	return asking, func() {
		m.mu.Lock()
		m.asking = nil
		m.mu.Unlock()
		close(answers)
	}
}

// after returns a copy as a next process finds it, that lives for n operations.
func (m *memory) after(n int) *memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &memory{items: maps.Clone(m.items), left: n}
}
