package e2e

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// TestClose_DoesNotWaitForAHangingServer closes a grant whose first token
// request is not answered.
func TestClose_DoesNotWaitForAHangingServer(t *testing.T) {
	const hangs = 5 * progress.Limit
	onEachAtOnce(t, settings{delay: hangs}, func(t *testing.T, s *authServer) {
		w := newTap(t)
		cfg := s.config(worker, "read")
		cfg.HTTPClient = w.client()
		g := newGrant(t, oauth2grant.ClientCredentials{}, cfg)
		var waiting sync.WaitGroup
		for range 10 {
			waiting.Go(func() {
				if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.ErrClosed) {
					t.Errorf("a call that waited: got %v, want ErrClosed", err)
				}
			})
		}
		<-w.written
		began := time.Now()
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		took := time.Since(began)
		t.Logf("closed in %v", took)
		if took > progress.Limit {
			t.Errorf("Close took %v", took)
		}
		if sent := w.tokenRequests(); len(sent) != 1 || sent[0].err == nil {
			t.Errorf("Close left the token request alone: %+v", sent)
		}
		waiting.Wait()
		if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.ErrClosed) {
			t.Errorf("a call after Close: got %v, want ErrClosed", err)
		}
	})
}

// TestClose_LosesNoRotatedRefreshToken closes a grant with a store while a
// refresh is under way: the old refresh token is dead by then, and the new one
// is in an answer that comes after Close was called.
func TestClose_LosesNoRotatedRefreshToken(t *testing.T) {
	onEachAtOnce(t, settings{}, func(t *testing.T, s *authServer) {
		w, st := newTap(t), &store{}
		w.dam = make(chan struct{})
		cfg := s.config(web)
		cfg.Store, cfg.Token, cfg.HTTPClient = st, s.signIn(t), w.client()
		g := newGrant(t, oauth2grant.RefreshOnly{}, cfg)
		var waiting, closing sync.WaitGroup
		waiting.Go(func() {
			if _, err := g.RefreshToken(t.Context()); !errors.Is(err, oauth2grant.ErrClosed) {
				t.Errorf("a call that waited: got %v, want ErrClosed", err)
			}
		})
		<-w.answers
		closing.Go(func() {
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		})
		waiting.Wait() // it has left, so Close is under way
		close(w.dam)
		closing.Wait()

		saved, err := st.Load(t.Context())
		if err != nil || saved.RefreshToken == cfg.Token.RefreshToken {
			t.Fatalf("the store holds a new refresh token: %t, %v", saved.RefreshToken != cfg.Token.RefreshToken, err)
		}
		cfg.Token, cfg.HTTPClient = oauth2grant.Token{}, nil
		next := newGrant(t, oauth2grant.RefreshOnly{}, cfg)
		if _, err := next.RefreshToken(t.Context()); err != nil {
			t.Errorf("the grant of the next process: %v", err)
		}
	})
}

// store is one in memory that outlives its grants.
type store struct {
	oauth2grant.SingleProcess
	mu    sync.Mutex
	token oauth2grant.Token
}

func (s *store) Load(context.Context) (oauth2grant.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == (oauth2grant.Token{}) {
		return s.token, oauth2grant.ErrNoToken
	}
	return s.token, nil
}

func (s *store) Save(_ context.Context, t oauth2grant.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = t
	return nil
}

func (s *store) Delete(ctx context.Context) error { return s.Save(ctx, oauth2grant.Token{}) }
