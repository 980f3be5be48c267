package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const (
	lifetime  = 3 * time.Second // of access tokens
	requestID = "Chaos-Request" // a header: worker and number
	workerID  = "Chaos-Worker"  // another one
)

// server is the authorization server. It rotates every refresh token, and one
// that comes back ends its sign-in.
type server struct {
	t       *testing.T
	journal *journal
	granter *granttest.Server
	addr    string
	proxy   *testservers.Proxy // before it
	lost    func(key string)   // called when a sign-in has ended

	// mu guards what follows.
	mu            sync.Mutex
	http          *http.Server
	served        chan struct{}
	keyOf         map[string]string // of a sign-in, by its refresh tokens, spent ones too
	refused       bool              // it is overloaded
	before, after time.Duration     // most of the time that it takes until the rotation, and from then on
}

func startServer(t *testing.T, j *journal, lost func(key string)) *server {
	t.Helper()
	s := &server{
		t: t, journal: j, lost: lost, granter: granttest.New(granttest.Config{Lifetime: lifetime}),
		addr: net.JoinHostPort("127.0.0.1", testservers.FreePort(t)), keyOf: map[string]string{},
	}
	s.slow(0)
	s.proxy = testservers.StartProxy(t, s.addr)
	s.open()
	t.Cleanup(s.shut)
	return s
}

func (s *server) tokenURL() string { return "http://" + s.proxy.Addr() + string(granttest.Token) }

// open listens, on the same port each time.
func (s *server) open() {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		s.t.Error(err)
		return
	}
	server := &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.http, s.served = server, served
}

// shut closes every connection: answers that are on their way are lost.
func (s *server) shut() {
	s.mu.Lock()
	server, served := s.http, s.served
	s.mu.Unlock()
	_ = server.Close()
	<-served
}

func (s *server) refuse(refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = refused
}

// slow has every request take so much longer.
func (s *server) slow(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = 100*time.Millisecond+by, 150*time.Millisecond+by
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	e := entry{Begin: time.Now(), Who: r.Header.Get(workerID), Request: r.Header.Get(requestID)}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	refused, before, after := s.refused, s.before, s.after
	s.mu.Unlock()
	if refused {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	time.Sleep(rand.N(before))
	answer := s.answer(e, r, body)
	time.Sleep(rand.N(after))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// answer has the request answered, whether its client is still there or not.
func (s *server) answer(e entry, r *http.Request, body []byte) *httptest.ResponseRecorder {
	form, _ := url.ParseQuery(string(body))
	refresh := form.Get("refresh_token")
	again := r.Clone(context.WithoutCancel(r.Context()))
	again.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	s.mu.Lock()
	defer s.mu.Unlock()
	reused := s.granter.ReuseDetected()
	s.granter.ServeHTTP(answer, again)
	var token struct {
		Refresh string `json:"refresh_token"`
	}
	_ = json.Unmarshal(answer.Body.Bytes(), &token)
	e.Key, e.Refresh = s.keyOf[refresh], fingerprint(refresh)
	switch {
	case answer.Code == http.StatusOK:
		e.What, e.Next = rotates, fingerprint(token.Refresh)
		s.keyOf[token.Refresh] = e.Key
	case s.granter.ReuseDetected() > reused:
		e.What = revokes
	default:
		e.What = refuses
	}
	s.journal.add(e)
	if e.What == revokes {
		s.lost(e.Key)
	}
	return answer
}

// faults are what may happen to the server.
func (s *server) faults() []fault {
	refuses := func(_ *testing.T, pass func()) {
		s.refuse(true)
		pass()
		s.refuse(false)
	}
	slow := func(_ *testing.T, pass func()) {
		s.slow(2 * time.Second)
		pass()
		s.slow(0)
	}
	stall := func(_ *testing.T, pass func()) {
		s.proxy.Swallow()
		pass()
		s.proxy.Heal()
	}
	away := func(_ *testing.T, pass func()) {
		s.shut()
		pass()
		s.open()
	}
	return []fault{
		{name: "refuses", weight: 3, least: 300 * time.Millisecond, most: 3 * time.Second, do: refuses},
		{name: "slow", weight: 4, least: 500 * time.Millisecond, most: 4 * time.Second, do: slow},
		{name: "stall", weight: 2, least: 200 * time.Millisecond, most: 3 * time.Second, do: stall},
		{name: "cut", weight: 1, do: func(*testing.T, func()) { s.proxy.Cut() }},
		{name: "away", weight: 1, least: 300 * time.Millisecond, most: 3 * time.Second, do: away},
	}
}

// signIn issues the first token of a sign-in.
func (s *server) signIn(key string) oauth2grant.Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	access, refresh, expiresIn := s.granter.Issue("client", "alice")
	s.keyOf[refresh] = key
	s.journal.add(entry{Who: thePerson, What: issues, Key: key, Next: fingerprint(refresh)})
	return oauth2grant.Token{
		AccessToken: access, RefreshToken: refresh, TokenType: "Bearer",
		Expiry: time.Now().Add(expiresIn).Round(0).UTC(),
	}
}
