package e2e

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	callers   = 10_000 // at once, on a grant without a token
	impatient = 1_000  // of them
	patience  = 10 * time.Millisecond
)

// TestStampede_MakesOneTokenRequest holds that request back until every
// impatient caller has left, and so has the one who came first.
func TestStampede_MakesOneTokenRequest(t *testing.T) {
	onEach(t, settings{}, func(t *testing.T, s *authServer) {
		w := newTap(t)
		w.gate = make(chan struct{})
		cfg := s.config(worker, "read")
		cfg.HTTPClient = w.client()
		g := newGrant(t, oauth2grant.ClientCredentials{}, cfg)

		var tokens sync.Map
		var served atomic.Int32
		var leaving, staying sync.WaitGroup
		first, leave := context.WithCancel(t.Context())
		defer leave()
		leaving.Go(func() {
			if err := g.EnsureActiveToken(first); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want Canceled", err)
			}
		})
		<-w.arrived
		for i := range callers {
			if i%(callers/impatient) == 0 {
				leaving.Go(func() { leaveEarly(t, g) })
				continue
			}
			staying.Go(func() {
				token, err := g.Token(t.Context())
				if err != nil {
					t.Error(err)
				}
				tokens.Store(token.AccessToken, true)
				served.Add(1)
			})
		}
		leave()
		leaving.Wait()
		if n := served.Load(); n != 0 {
			t.Errorf("%d callers were served before the server had been asked", n)
		}
		close(w.gate)
		staying.Wait()

		distinct := 0
		tokens.Range(func(any, any) bool { distinct++; return true })
		if n := served.Load(); n != callers-impatient || distinct != 1 {
			t.Errorf("%d callers got %d different tokens, want %d and 1", n, distinct, callers-impatient)
		}
		if got := s.tokenRequests(); got != 1 {
			t.Errorf("%d token requests, want 1", got)
		}
	})
}

func leaveEarly(t *testing.T, g *oauth2grant.Grant) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := g.EnsureActiveToken(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want DeadlineExceeded", err)
	}
}
