package callbackserver

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// maxPages is how many pages are kept for browsers that reload theirs.
const maxPages = 64

// pageTimeout is how long browsers may take to fetch their last page.
const pageTimeout = 500 * time.Millisecond

// answers matches the answers that arrive to the states that are expected.
// All methods are safe for concurrent use, and only wait and letPagesOut block.
type answers struct {
	life context.Context // of the server: nothing is expected once it has ended

	mu       sync.Mutex // guards what follows
	expected map[string]*answer
	pages    []*page // the latest ones, oldest first
	links    []link  // the latest ones, oldest first
	strays   int     // answers with a state that nobody expected
}

type answer struct {
	values  url.Values    // nil until it arrives
	arrived chan struct{} // closed when it does
	waiting bool          // a Wait has claimed it
	strays  int           // how many there had been before
}

func newAnswers(life context.Context) *answers {
	return &answers{life: life, expected: make(map[string]*answer)}
}

// expect returns the entry of state, or nil where there cannot be one.
// The caller holds mu.
func (a *answers) expect(state string) *answer {
	if state == "" || a.life.Err() != nil {
		return nil
	}
	e := a.expected[state]
	if e == nil {
		e = &answer{arrived: make(chan struct{}), strays: a.strays}
		a.expected[state] = e
	}
	return e
}

func (a *answers) wait(ctx context.Context, state string) (url.Values, error) {
	e, err := a.claim(state)
	if err != nil {
		return nil, err
	}
	select {
	case <-e.arrived:
	case <-ctx.Done():
	case <-a.life.Done():
	}

	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.expected, state)
	if e.values != nil { // also when the wait ended at the same moment: the browser has been told
		return e.values, nil
	}
	if a.life.Err() != nil {
		err = a.closedError()
	} else {
		err = fmt.Errorf("callbackserver: no answer arrived: %w", endOf(ctx))
	}
	if a.strays > e.strays {
		err = fmt.Errorf("%w; %w", err, ErrOtherState)
	}
	return nil, err
}

func (a *answers) claim(state string) (*answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.expect(state)
	switch {
	case a.life.Err() != nil: // only now: it may end at any time
		return nil, a.closedError()
	case e == nil || e.waiting:
		return nil, ErrState
	}
	e.waiting = true
	return e, nil
}

func (a *answers) closedError() error {
	if cause := endOf(a.life); !errors.Is(cause, ErrClosed) {
		return fmt.Errorf("%w: %w", ErrClosed, cause)
	}
	return ErrClosed
}

// deliver keeps values for the one who expects their state, and returns the
// page to send the browser to; nil when nobody does, or when there is an answer
// already.
func (a *answers) deliver(values url.Values) *page {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.life.Err() != nil {
		return nil
	}
	e := a.match(values.Get("state"))
	if e == nil && values.Get("state") != "" && (values.Has("code") || values.Has("error")) {
		a.strays++
	}
	if e == nil || e.values != nil {
		return nil
	}
	p := newPage(rand.Text(), values)
	a.pages = append(a.pages, p)
	if len(a.pages) > maxPages {
		a.pages = a.pages[1:]
	}
	e.values = values
	close(e.arrived)
	return p
}

// match compares state with every expected one, so that the time taken says
// nothing about how much of it is right. The caller holds mu.
func (a *answers) match(state string) *answer {
	var found *answer
	for want, e := range a.expected {
		if subtle.ConstantTimeCompare([]byte(want), []byte(state)) == 1 {
			found = e
		}
	}
	return found
}

func (a *answers) page(id string) *page {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.pages {
		if p.id == id {
			return p
		}
	}
	return nil
}

// letPagesOut returns when every browser has its page, or after pageTimeout.
func (a *answers) letPagesOut() {
	timeout := time.NewTimer(pageTimeout)
	defer timeout.Stop()
	a.mu.Lock()
	pages := a.pages // nothing is added any more
	a.mu.Unlock()
	for _, p := range pages {
		select {
		case <-p.gone:
		case <-timeout.C:
			return
		}
	}
}

// endOf returns why ctx has ended, as an error that is also its Err.
func endOf(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
