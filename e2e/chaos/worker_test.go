package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// This binary is also the processes of the fleet. Each has a grant for every
// sign-in, whose tokens it asks for all the time, and writes its entries of the
// journal to standard output as lines of JSON. When its input ends, it closes
// the grants and ends.

// spec is what a worker is told at its start.
type spec struct {
	Who      string
	Kind     string // of the store, by name
	Place    place
	Keys     []string
	TokenURL string
}

// worker writes the entries of one process.
type worker struct {
	spec
	base *http.Transport

	// mu guards what follows.
	mu       sync.Mutex
	out      *json.Encoder
	requests int
}

func (w *worker) tell(e entry) {
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if e.Begin.IsZero() {
		e.Begin = e.At
	}
	e.Who = w.Who
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.out.Encode(e) // who does not listen any more has closed our input too
}

func work(s spec, in io.Reader, out io.Writer) error {
	w := &worker{spec: s, base: &http.Transport{}, out: json.NewEncoder(out)}
	kind, err := kindNamed(s.Kind)
	if err != nil {
		return err
	}
	opened, err := kind.open(s.Place)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	defer end()
	var callers sync.WaitGroup
	var grants []*oauth2grant.Grant
	for _, key := range s.Keys {
		store, err := opened.store(key)
		if err != nil {
			return err
		}
		grant, err := w.grant(key, store)
		if err != nil {
			return err
		}
		grants = append(grants, grant)
		callers.Go(func() { w.call(ctx, key, grant) })
	}
	w.tell(entry{What: starts})
	_, _ = io.Copy(io.Discard, in)
	end()
	callers.Wait()
	var closing sync.WaitGroup
	for _, grant := range grants {
		closing.Go(func() { _ = grant.Close() }) // its error is a token that is not saved: the judge finds out
	}
	closing.Wait()
	err = opened.close()
	w.base.CloseIdleConnections()
	if leaked := goleak.Find(); leaked != nil {
		w.tell(entry{What: leaks, Err: leaked.Error()})
	}
	return err
}

func (w *worker) grant(key string, store sharedStore) (*oauth2grant.Grant, error) {
	return oauth2grant.New(context.Background(), oauth2grant.RefreshOnly{}, oauth2grant.Config{
		Server:     oauth2grant.Server{TokenURL: w.TokenURL},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: &http.Client{Transport: sender{w, key}},
		Store:      watched{store, w, key},
		Refresh:    oauth2grant.Refresh{MaxBackOff: 2 * time.Second},
	})
}

const callEvery = 50 * time.Millisecond

// call asks for the token again and again.
func (w *worker) call(ctx context.Context, key string, grant *oauth2grant.Grant) {
	var last entry
	for tick := time.Tick(callEvery); ctx.Err() == nil; {
		e := entry{Begin: time.Now(), What: gives, Key: key}
		token, err := grant.Token(ctx)
		switch {
		case err == nil:
			e.Refresh = fingerprint(token.RefreshToken)
		case errors.Is(err, oauth2grant.ErrLoginRequired):
			e.What, e.Err = needsLogin, err.Error()
		default:
			e.What, e.Err = fails, err.Error()
		}
		if e.What != last.What || e.Refresh != last.Refresh {
			w.tell(e)
			last = e
		}
		select {
		case <-tick:
		case <-ctx.Done():
		}
	}
}

// watched is a store that writes down what it does.
type watched struct {
	sharedStore
	w   *worker
	key string
}

type lockedKey struct{}

func (s watched) Load(ctx context.Context) (oauth2grant.Token, error) {
	e := entry{Begin: time.Now(), What: loads, Key: s.key}
	token, err := s.sharedStore.Load(ctx)
	switch {
	case errors.Is(err, oauth2grant.ErrNoToken):
		e.What, e.Err = misses, err.Error()
		s.w.tell(e)
	case err == nil:
		e.Refresh = fingerprint(token.RefreshToken)
		s.w.tell(e)
	}
	return token, err
}

func (s watched) Save(ctx context.Context, t oauth2grant.Token) error {
	return s.save(t, func() error { return s.sharedStore.Save(ctx, t) })
}

func (s watched) SaveAnswer(ctx context.Context, mark string, t oauth2grant.Token) error {
	return s.save(t, func() error { return s.sharedStore.SaveAnswer(ctx, mark, t) })
}

func (s watched) save(t oauth2grant.Token, do func() error) error {
	e := entry{Begin: time.Now(), What: saves, Key: s.key, Refresh: fingerprint(t.RefreshToken)}
	err := do()
	switch {
	case err != nil:
		e.What, e.Err = savesNot, err.Error()
	case t.Mark() != "":
		e.What = marks
	}
	s.w.tell(e)
	return err
}

func (s watched) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	begin := time.Now()
	held, release, err := s.sharedStore.Lock(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.w.tell(entry{Begin: begin, What: locks, Key: s.key})
	unlock = sync.OnceFunc(func() { s.w.tell(entry{What: unlocks, Key: s.key}); release() })
	return context.WithValue(held, lockedKey{}, held), unlock, nil
}

// sender writes down what becomes of the token requests for a sign-in.
type sender struct {
	w   *worker
	key string
}

// RoundTrip implements [http.RoundTripper].
func (s sender) RoundTrip(req *http.Request) (*http.Response, error) {
	s.w.mu.Lock()
	s.w.requests++
	e := entry{Key: s.key, Request: fmt.Sprintf("%s-%d", s.w.Who, s.w.requests)}
	s.w.mu.Unlock()
	e.What = sends
	if held, ok := req.Context().Value(lockedKey{}).(context.Context); !ok || held == nil {
		e.What = sendsFree
	}
	req = req.Clone(req.Context())
	req.Header.Set(workerID, s.w.Who)
	req.Header.Set(requestID, e.Request)
	out := sync.OnceFunc(func() { s.w.tell(e) })
	req.Body = outgoing{req.Body, out}
	if again := req.GetBody; again != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			body, err := again()
			return outgoing{body, out}, err
		}
	}
	begin := time.Now()
	res, err := s.w.base.RoundTrip(req)
	if err != nil {
		s.w.tell(entry{Begin: begin, What: unanswered, Key: e.Key, Request: e.Request, Err: err.Error()})
		return nil, err
	}
	res.Body = &incoming{
		ReadCloser: res.Body, w: s.w, e: entry{Begin: begin, Key: e.Key, Request: e.Request, Err: res.Status},
	}
	return res, nil
}

// outgoing is the body of a request: from the first byte of it on that is on
// its way.
type outgoing struct {
	io.ReadCloser
	out func()
}

func (o outgoing) Read(p []byte) (int, error) {
	n, err := o.ReadCloser.Read(p)
	if n > 0 {
		o.out()
	}
	return n, err
}

// incoming is the body of an answer, which is there once all of it has been
// read.
type incoming struct {
	io.ReadCloser
	w    *worker
	e    entry
	told bool
}

func (i *incoming) Read(p []byte) (int, error) {
	n, err := i.ReadCloser.Read(p)
	if err != nil && !i.told {
		i.told = true
		i.e.What = answered
		if !errors.Is(err, io.EOF) {
			i.e.What, i.e.Err = unanswered, err.Error()
		}
		i.w.tell(i.e)
	}
	return n, err
}
