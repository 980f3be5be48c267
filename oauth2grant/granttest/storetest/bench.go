package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// patience is how long the suite waits while nothing happens: no call of a
// Store comes back, no other process says anything.
var patience = progress.Limit

// marker is in every token.
const marker = "marked-secret"

// bench is what one check works on: a place, and the stores opened on it.
type bench struct {
	Harness
	ctx   context.Context // ends when nothing has happened for patience
	note  func()          // that something has
	place string

	mu     sync.Mutex
	texts  []string // of every error seen
	stores []oauth2grant.Store
}

// try runs the check on a new place, and adds the rules that hold always.
func (c check) try(tb testing.TB, h Harness) error {
	tb.Helper()
	ctx, note, stop := progress.Watch(tb.Context(), patience)
	defer stop()
	b := &bench{Harness: h, ctx: ctx, note: note, place: h.Place(tb)}
	err := c.run(b)
	return errors.Join(err, b.secrecy(), b.close())
}

// open returns a further Store on the place.
func (b *bench) open() (oauth2grant.Store, error) {
	s, err := b.Open(b.place)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stores = append(b.stores, s)
	return watched{s, b}, nil
}

// two returns two Stores on the place.
func (b *bench) two() (s, other oauth2grant.Store, err error) {
	if s, err = b.open(); err != nil {
		return nil, nil, err
	}
	other, err = b.open()
	return s, other, err
}

func (b *bench) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, s := range b.stores {
		if c, ok := s.(io.Closer); ok {
			errs = append(errs, c.Close())
		}
	}
	b.stores = nil
	return errors.Join(errs...)
}

// secrecy looks for secrets in the errors seen and in what fmt and slog make of
// the stores.
func (b *bench) secrecy() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	texts := b.texts
	for _, s := range b.stores {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, s), fmt.Sprintf(verb, struct{ Store oauth2grant.Store }{s}))
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("", "store", s)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("", "store", s)
		texts = append(texts, log.String())
	}
	for _, text := range texts {
		for i, secret := range append([]string{marker}, b.Secrets...) {
			if strings.Contains(text, secret) || strings.Contains(text, fmt.Sprintf("%x", secret)) {
				return fmt.Errorf("an error, fmt or slog shows secret number %d in a text of %d bytes", i, len(text))
			}
		}
	}
	return nil
}

// watched remembers the text of every error of a Store.
type watched struct {
	oauth2grant.Store
	b *bench
}

func (w watched) saw(err error) error {
	w.b.note()
	if err != nil {
		w.b.mu.Lock()
		defer w.b.mu.Unlock()
		w.b.texts = append(w.b.texts, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	return err
}

func (w watched) Load(ctx context.Context) (oauth2grant.Token, error) {
	t, err := w.Store.Load(ctx)
	return t, w.saw(err)
}

func (w watched) Save(ctx context.Context, t oauth2grant.Token) error {
	return w.saw(w.Store.Save(ctx, t))
}
func (w watched) Delete(ctx context.Context) error { return w.saw(w.Store.Delete(ctx)) }

func (w watched) Lock(ctx context.Context) (context.Context, func(), error) {
	held, unlock, err := w.Store.Lock(ctx)
	if err == nil && (held == nil || unlock == nil) {
		err = errors.New("Lock gave nil and no error")
	}
	return held, unlock, w.saw(err)
}

// token returns the token number n.
func token(n int) oauth2grant.Token {
	return oauth2grant.Token{AccessToken: fmt.Sprintf("%s-%d", marker, n), TokenType: "Bearer", RefreshToken: fmt.Sprintf("%s-refresh-%d", marker, n)}
}

// number tells which token it is; -1: none of ours, or not a whole one.
func number(t oauth2grant.Token) int {
	var n int
	if _, err := fmt.Sscanf(t.AccessToken, marker+"-%d", &n); err != nil || t != token(n) {
		return -1
	}
	return n
}

// response returns the token of an answer of an authorization server.
func response(text string) (oauth2grant.Token, error) {
	var t oauth2grant.Token
	err := json.Unmarshal([]byte(text), &t)
	return t, err
}

// expect fails unless s holds want.
func expect(ctx context.Context, s oauth2grant.Store, want oauth2grant.Token) error {
	got, err := s.Load(ctx)
	if err != nil {
		return fmt.Errorf("Load failed: %w", err)
	}
	if got != want {
		return fmt.Errorf("Load gave %v (token %d), want %v (token %d)", got, number(got), want, number(want))
	}
	return nil
}

// outcome says what a call gave that should have given another error.
func outcome(err error) string {
	if err == nil {
		return "no error"
	}
	return "the error " + err.Error()
}

// expectNone fails unless s is empty.
func expectNone(ctx context.Context, s oauth2grant.Store) error {
	if t, err := s.Load(ctx); !errors.Is(err, oauth2grant.ErrNoToken) || t != (oauth2grant.Token{}) {
		return fmt.Errorf("Load of an empty store gave %v, %s, want ErrNoToken", t, outcome(err))
	}
	return nil
}

// underLock runs f while s is locked.
func underLock(ctx context.Context, s oauth2grant.Store, f func(held context.Context) error) error {
	held, unlock, err := s.Lock(ctx)
	if err != nil {
		return fmt.Errorf("Lock failed: %w", err)
	}
	defer unlock()
	return f(held)
}

// all runs f, which makes many calls, and fails if nothing happens for long.
func (b *bench) all(what string, f func() error) error {
	var g errgroup.Group
	done := make(chan error, 1)
	g.Go(func() error { done <- f(); return nil })
	select {
	case err := <-done:
		return err
	case <-b.ctx.Done():
		return fmt.Errorf("%s: %w", what, context.Cause(b.ctx))
	}
}

// within fails if f, which makes one call, takes longer than d.
func within(d time.Duration, what string, f func() error) error {
	var g errgroup.Group
	done := make(chan error, 1)
	g.Go(func() error { done <- f(); return nil })
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return fmt.Errorf("%s took more than %v", what, d)
	}
}
