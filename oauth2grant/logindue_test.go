package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// session is a grant whose flow asks a person, who has signed in, and the times
// at which a login was said to be due.
type session struct {
	srv   *granttest.Server
	grant *oauth2grant.Grant
	began time.Time

	mu   sync.Mutex
	due  []time.Duration // since the session began
	ends []time.Time
}

// newSession makes a session whose person has signed in once; another sign-in
// fails.
func newSession(
	t *testing.T, server granttest.Config, change func(*oauth2grant.Config),
) *session {
	t.Helper()
	s := &session{srv: granttest.New(server), began: time.Now()}
	cfg := configFor(s.srv)
	cfg.OnEvent = s.note
	if change != nil {
		change(&cfg)
	}
	signedIn := false
	person := flow{interactive: true, run: func(ctx context.Context, c *oauth2grant.Client) (oauth2grant.Token, error) {
		if signedIn {
			return oauth2grant.Token{}, errors.New("nobody is there")
		}
		signedIn = true
		return alice().Run(ctx, c)
	}}
	s.grant = open(t, person, cfg)
	ensure(t, s.grant)
	synctest.Wait()
	return s
}

func (s *session) note(_ context.Context, e oauth2grant.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Kind == oauth2grant.EventLoginDue {
		s.due = append(s.due, time.Since(s.began))
		s.ends = append(s.ends, e.RefreshExpiry)
	}
}

// tells checks how often a login was said to be due so far.
func (s *session) tells(t *testing.T, n int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.due) != n {
		t.Fatalf("a login was said to be due at %v, want %d times", s.due, n)
	}
}

func TestEventLoginDue_ComesOnceAheadOfTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		lifetime, session time.Duration
		notice            time.Duration
	}{
		"a tenth of its life":                    {time.Hour, 24 * time.Hour, 144 * time.Minute},
		"at most a day":                          {time.Hour, 30 * 24 * time.Hour, 24 * time.Hour},
		"at least ten minutes":                   {5 * time.Minute, time.Hour, 10 * time.Minute},
		"at most half of its life":               {5 * time.Minute, 16 * time.Minute, 8 * time.Minute},
		"also where the access token lives long": {100 * time.Hour, 24 * time.Hour, 144 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSession(t, granttest.Config{Lifetime: c.lifetime, SessionLifetime: c.session}, nil)
				pass(c.session - c.notice - time.Minute)
				s.tells(t, 0)
				pass(2 * time.Minute)
				s.tells(t, 1)
				if end := s.began.Add(c.session); s.ends[0].Sub(end).Abs() > time.Second {
					t.Errorf("the session is said to end at %v, not %v", s.ends[0], end)
				}
				pass(c.notice)
				s.tells(t, 1)
			})
		})
	}
}

func TestEventLoginDue_ComesOnceWhereRefreshesFollowWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(t, granttest.Config{Lifetime: time.Hour, SessionLifetime: 24 * time.Hour}, nil)
		pass(22 * time.Hour)
		s.tells(t, 1)
		for range 4 {
			if _, err := s.grant.RefreshToken(t.Context()); err != nil {
				t.Fatal(err)
			}
			pass(150 * time.Millisecond)
		}
		pass(2 * time.Hour)
		s.tells(t, 1)
	})
}

func TestEventLoginDue_NeverComesWhileTheServerPutsTheEndOff(t *testing.T) {
	for name, lifetime := range map[string]time.Duration{
		"short access tokens": 20 * time.Second, "long access tokens": 29 * time.Minute, "longer ones": time.Hour,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSession(t, granttest.Config{Lifetime: lifetime, RefreshLifetime: 30 * time.Minute}, nil)
				pass(5 * time.Hour)
				s.tells(t, 0)
				ensure(t, s.grant)
			})
		})
	}
}

func TestEventLoginDue_ComesWhenTheServerNoLongerPutsTheEndOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(t, granttest.Config{
			Lifetime: 5 * time.Minute, RefreshLifetime: 30 * time.Minute, SessionLifetime: 10 * time.Hour,
		}, nil)
		pass(10*time.Hour - 11*time.Minute)
		s.tells(t, 0)
		pass(2 * time.Minute)
		s.tells(t, 1)
	})
}

func TestEventLoginDue_ComesWhenTheServerIsAwayAheadOfTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(t, granttest.Config{Lifetime: 5 * time.Minute, RefreshLifetime: 30 * time.Minute}, nil)
		s.srv.Break(granttest.Token, granttest.Fault{Status: http.StatusServiceUnavailable})
		pass(19 * time.Minute)
		s.tells(t, 0)
		pass(3 * time.Minute)
		s.tells(t, 1)
		pass(time.Hour)
		s.tells(t, 1)
	})
}

func TestEventLoginDue_ComesOnceInEachProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := granttest.Config{Lifetime: time.Hour, SessionLifetime: 24 * time.Hour}
		shared := newBackend()
		s := newSession(t, server, func(cfg *oauth2grant.Config) { cfg.Store = store{shared} })
		pass(22*time.Hour + 30*time.Minute)
		s.tells(t, 1)
		cfg, other := configFor(s.srv), &session{began: s.began}
		cfg.Store, cfg.Refresh.Eager, cfg.OnEvent = store{shared}, true, other.note
		open(t, oauth2grant.RefreshOnly{}, cfg)
		pass(time.Hour)
		other.tells(t, 1)
		s.tells(t, 1)
	})
}

func TestEventLoginDue_DoesNotComeWhereNobodyIsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{Lifetime: time.Hour, SessionLifetime: 24 * time.Hour})
		cfg := configFor(srv)
		cfg.OnEvent = func(_ context.Context, e oauth2grant.Event) {
			if e.Kind == oauth2grant.EventLoginDue {
				t.Error("a login is said to be due")
			}
		}
		ensure(t, open(t, alice(), cfg))
		pass(48 * time.Hour)
	})
}

func TestRefresh_KeepsAnIdleSessionAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(t, granttest.Config{Lifetime: time.Hour, RefreshLifetime: 24 * time.Hour},
			func(cfg *oauth2grant.Config) { cfg.Refresh.IdleAfter = 30 * time.Minute })
		pass(10 * 24 * time.Hour)
		s.tells(t, 0)
		// A refresh token of 24 h is used 144 min before its end.
		if n := s.srv.Count(granttest.Token); n < 11 || n > 12 {
			t.Errorf("%d token requests in ten days", n)
		}
		ensure(t, s.grant)
	})
}

func TestRefresh_KeepsAnIdleSessionAliveThroughAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(t, granttest.Config{Lifetime: time.Hour, RefreshLifetime: 24 * time.Hour},
			func(cfg *oauth2grant.Config) { cfg.Refresh.IdleAfter = 30 * time.Minute })
		pass(20 * time.Hour)
		s.srv.Break(granttest.Token, granttest.Fault{Status: http.StatusServiceUnavailable})
		pass(3 * time.Hour)
		s.tells(t, 1) // so the end is near, and renewing fails
		s.srv.Heal(granttest.Token)
		pass(2 * time.Hour)
		ensure(t, s.grant)
	})
}

func TestRefresh_LetsAnIdleSessionEndThatTheServerDoesNotPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSession(t, granttest.Config{Lifetime: time.Hour, SessionLifetime: 24 * time.Hour},
			func(cfg *oauth2grant.Config) { cfg.Refresh.IdleAfter = 30 * time.Minute })
		pass(48 * time.Hour)
		s.tells(t, 1)
		if n := s.srv.Count(granttest.Token); n > 3 {
			t.Errorf("%d token requests though nobody uses the token", n)
		}
	})
}
