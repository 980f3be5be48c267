package main

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// session is what is known of one browser.
type session struct {
	subject string                    // who is signed in; empty: nobody
	begun   oauth2grant.Authorization // their sign-in under way; it holds secrets, so it stays here
	// signedIn is the token of the sign-in, whose ID token ends the session at
	// the server.
	signedIn oauth2grant.Token
	expiry   time.Time
}

const (
	signInTime   = 10 * time.Minute
	signedInTime = 12 * time.Hour
)

// sessions are kept in memory, by a random id that is all the browser has.
type sessions struct {
	cookie http.Cookie

	mu   sync.Mutex
	byID map[string]session
}

// newSessions sets the cookie up: scripts don't see it, other sites' forms
// don't send it, and over https no other site or unencrypted page can set it.
func newSessions(self string) *sessions {
	s := &sessions{
		byID: map[string]session{}, cookie: http.Cookie{
			Name: "session", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		},
	}
	if strings.HasPrefix(self, "https://") {
		s.cookie.Name, s.cookie.Secure = "__Host-session", true
	}
	return s
}

// begin returns the browser a session under a new id, and ends the one it had:
// an id that somebody slipped it before a sign-in is worth nothing after it.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, n session, life time.Duration) {
	s.take(r)
	id, cookie := rand.Text(), s.cookie
	n.expiry = time.Now().Add(life)
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, o := range s.byID {
		if time.Now().After(o.expiry) {
			delete(s.byID, old)
		}
	}
	s.byID[id] = n
	cookie.Value, cookie.MaxAge = id, int(life.Seconds())
	http.SetCookie(w, &cookie)
}

// of returns the browser's session; zero if it has none.
func (s *sessions) of(r *http.Request) session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.byID[s.id(r)]; time.Now().Before(found.expiry) {
		return found
	}
	return session{}
}

// take returns the browser's session and ends it.
func (s *sessions) take(r *http.Request) session {
	found := s.of(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, s.id(r))
	return found
}

func (s *sessions) id(r *http.Request) string {
	cookie, err := r.Cookie(s.cookie.Name)
	if err != nil {
		return ""
	}
	return cookie.Value
}
