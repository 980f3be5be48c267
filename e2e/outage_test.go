package e2e

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/servers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	outageLife = 10 * time.Second // of the token that must last
	darkness   = 3 * time.Second  // without any token after that
	minBackOff = 50 * time.Millisecond
	maxBackOff = 400 * time.Millisecond
)

// TestOutage_IsRiddenOut stops the server, which forgets all its tokens by
// that, while a token is held.
func TestOutage_IsRiddenOut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		flow oauth2grant.Flow
		auth oauth2grant.ClientAuth
	}{
		{"with client credentials", oauth2grant.ClientCredentials{}, worker},
		{"with a password, whose refresh token the server has forgotten afterwards", alice, web},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := servers.StartOIDCProvider(t, servers.Options{AccessTokenLifetime: outageLife})
			w, tokens := newTap(t), make(chan oauth2grant.Token, 100)
			g := newGrant(t, tc.flow, oauth2grant.Config{
				Server: oauth2grant.Server{Issuer: p.Issuer()}, Auth: tc.auth, Scopes: offline, HTTPClient: w.client(),
				Refresh: oauth2grant.Refresh{MinBackOff: minBackOff, MaxBackOff: maxBackOff},
				OnEvent: func(_ context.Context, e oauth2grant.Event) {
					if e.Kind == oauth2grant.EventObtained {
						tokens <- e.Token
					}
				},
			})
			held := tokenOf(t, g)
			<-tokens
			p.Stop()
			failed := callThroughout(t, g, held)
			backsOff(t, w, failed)
			p.Restart()
			recovers(t, g, <-tokens)
		})
	}
}

// callThroughout calls every 5 ms until it has been dark for long, and counts
// the calls that failed. None may before the token has expired.
func callThroughout(t *testing.T, g *oauth2grant.Grant, held oauth2grant.Token) (failed int) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for now := time.Now(); now.Before(held.Expiry.Add(darkness)); now = <-tick.C {
		began := time.Now()
		got, err := g.Token(t.Context())
		switch {
		case err == nil && got != held:
			t.Fatal("another token came while the server was down")
		case err == nil && began.After(held.Expiry):
			t.Fatal("the token was given out after it had expired")
		case err != nil && time.Now().Before(held.Expiry):
			t.Fatalf("the token was withheld %v before it expired: %v", time.Until(held.Expiry), err)
		case err != nil:
			failed++
			wantRefusedConnection(t, err)
		}
	}
	got := g.Status()
	if got.State != oauth2grant.StateExpired || got.Usable || got.Failures == 0 ||
		!errors.Is(got.Err, syscall.ECONNREFUSED) {
		t.Errorf("status %+v in the dark", got)
	}
	return failed
}

func wantRefusedConnection(t *testing.T, err error) {
	t.Helper()
	e, ok := errors.AsType[*oauth2grant.Error](err)
	if !ok || e.StatusCode != 0 || !oauth2grant.IsTransient(err) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("got %v, want a transient error without an answer, for a refused connection", err)
	}
}

// backsOff looks at the pauses between attempts: at least minBackOff, and as
// many attempts as fit in with maxBackOff, however many calls there were.
func backsOff(t *testing.T, w *tap, failed int) {
	t.Helper()
	attempts := w.tokenRequests()[1:] // the first was answered
	for i, x := range attempts {
		if i > 0 && x.start.Sub(attempts[i-1].end) < minBackOff {
			t.Errorf("attempt %d came %v after the one before, want at least %v", i+1,
				x.start.Sub(attempts[i-1].end), minBackOff)
		}
	}
	least := int(darkness / (2 * maxBackOff))
	if len(attempts) < least || failed < 5*len(attempts) {
		t.Errorf("%d attempts for %d failed calls, want at least %d, and far more calls than attempts", len(attempts),
			failed, least)
	}
	t.Logf("%d attempts, %d failed calls", len(attempts), failed)
}

// recovers: the token came although nobody has called.
func recovers(t *testing.T, g *oauth2grant.Grant, brought oauth2grant.Token) {
	t.Helper()
	gone, leave := context.WithCancel(t.Context())
	leave()
	if got, err := g.Token(gone); err != nil || got != brought {
		t.Errorf("after the outage: the same token %t, %v", got == brought, err)
	}
	if got := g.Status(); got.State != oauth2grant.StateFresh || got.Failures != 0 || got.Err != nil {
		t.Errorf("status %+v after the outage", got)
	}
}
