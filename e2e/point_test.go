package e2e

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/crashpoint"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// point is a place in a renewal at which a worker can be stopped.
type point string

const (
	locked   point = "with the lock"
	sending  point = "before the request leaves"
	answered point = "after the server's answer"
	saving   point = "before the token is saved"
	saved    point = "after it is saved"

	tempWritten point = "filestore.temp-written" // between temporary file and rename
	renamed     point = "filestore.renamed"      // after the rename
)

// gate stops whoever comes to the point that it is closed at.
type gate struct {
	tell func(point)

	mu     sync.Mutex
	closed point
	opened chan struct{}
}

func (g *gate) stopAt(p point) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed, g.opened = p, make(chan struct{})
}

// unseen runs write past all points.
func (g *gate) unseen(write func() error) error {
	g.mu.Lock()
	closed := g.closed
	g.closed = ""
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.opened != nil && g.closed == "" {
			g.closed = closed
		}
	}()
	return write()
}

// open lets all go on.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = ""
	if g.opened != nil {
		close(g.opened)
		g.opened = nil
	}
}

// at is called at every point.
func (g *gate) at(p point) {
	g.mu.Lock()
	opened := g.opened
	here := g.closed == p && opened != nil
	if here {
		g.closed = "" // only the first one stops
	}
	g.mu.Unlock()
	if here {
		g.tell(p)
		<-opened
	}
}

// watchFiles makes points of those within a durable write.
func (g *gate) watchFiles() { crashpoint.At = func(name string) { g.at(point(name)) } }

// wire is a worker's way to the server. It counts its token requests.
type wire struct {
	base *http.Transport
	gate *gate

	mu    sync.Mutex
	count sentRequests
}

// sentRequests are the token requests of one process.
type sentRequests struct {
	Tokens, Refused int
	Longest         time.Duration
}

func newWire(g *gate) *wire { return &wire{base: &http.Transport{}, gate: g} }

func (w *wire) sent() sentRequests {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if !isToken(req.URL.Path) {
		return w.base.RoundTrip(req)
	}
	w.gate.at(sending)
	begin := time.Now()
	res, err := w.base.RoundTrip(req)
	took := time.Since(begin)
	w.mu.Lock()
	w.count.Tokens++
	w.count.Longest = max(w.count.Longest, took)
	if err == nil && res.StatusCode != http.StatusOK {
		w.count.Refused++
	}
	w.mu.Unlock()
	w.gate.at(answered)
	return res, err
}

// gated is a store with points after its Lock and around the writes of what the
// server has issued. Those of marks have none.
type gated struct {
	oauth2grant.Store
	gate *gate
}

func (s gated) Save(ctx context.Context, t oauth2grant.Token) error {
	if t.Mark() != "" {
		return s.gate.unseen(func() error { return s.Store.Save(ctx, t) })
	}
	s.gate.at(saving)
	err := s.Store.Save(ctx, t)
	s.gate.at(saved)
	return err
}

// SaveAnswer implements oauth2grant.AnswerSaver, as every store here does.
func (s gated) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	s.gate.at(saving)
	err := s.Store.(oauth2grant.AnswerSaver).SaveAnswer(ctx, mark, t)
	s.gate.at(saved)
	return err
}

// Lock implements oauth2grant.Store.
func (s gated) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	held, unlock, err = s.Store.Lock(ctx)
	s.gate.at(locked)
	return held, unlock, err
}

// Notify passes on what the store tells, if it does.
func (s gated) Notify(changed func()) (stop func()) {
	if n, ok := s.Store.(oauth2grant.Notifier); ok {
		return n.Notify(changed)
	}
	return func() {}
}

// skewed is a store seen by a machine whose clock is ahead. Only differences
// between clocks can be seen, so it is the same whether the machine's own is
// shifted or that of all others.
type skewed struct {
	gated
	ahead time.Duration
}

func (s skewed) Load(ctx context.Context) (oauth2grant.Token, error) {
	t, err := s.gated.Load(ctx)
	return shift(t, -s.ahead), err
}

func (s skewed) Save(ctx context.Context, t oauth2grant.Token) error {
	return s.gated.Save(ctx, shift(t, s.ahead))
}

func (s skewed) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	return s.gated.SaveAnswer(ctx, mark, shift(t, s.ahead))
}

func shift(t oauth2grant.Token, by time.Duration) oauth2grant.Token {
	if !t.Expiry.IsZero() {
		t.Expiry = t.Expiry.Add(by)
	}
	return t
}
