// Package authserver is a real authorization server in this process, on
// loopback: Ory Fosite with everything kept in memory. The demo, the examples
// and the end-to-end tests run against it; nothing in it is fit to guard
// anything.
//
// It knows two users, alice (password wonderland) and bob (password `pass
// word&+=%`), and these clients:
//
//	native                                public; authorization code, device code, JWT bearer, refresh
//	web, secret web-secret                client_secret_basic; every grant
//	odd:id +1, secret s3cr:t +&=/%~"?     the same; right only if Basic credentials are form-encoded (RFC 6749 §2.3.1)
//	post, secret post-secret              client_secret_post; every grant
//	worker, secret worker-secret          client_secret_basic; client credentials only
//	signed, with Config.Keys              private_key_jwt, audience the token endpoint; every grant
//
// With Config.Keys it also takes assertions of [Platform] as grants (RFC 7523
// §2.1).
//
// The redirect URI is /callback on 127.0.0.1 or [::1], any port (RFC 8252
// §7.3). The scopes are openid, offline, offline_access, read and write. PKCE
// with S256 is required, a refresh token is rotated at each use, and one that
// is used twice ends its family: the newest refresh token and access token with
// it. An access token outlives an ordinary refresh.
//
// A program that has no person at hand adds login_hint=auto:alice to the
// authorization URL, or to that of the device page, and is signed in without a
// form.
package authserver

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ory/fosite"
)

// Config sets up a Server; its zero value is usable.
type Config struct {
	// Addr is the host:port to listen on. If empty, it is 127.0.0.1:0, a free
	// port.
	Addr string
	// AccessTokenLifetime is in whole seconds. Zero: 1 h.
	AccessTokenLifetime time.Duration
	// RefreshTokenLifetime is in whole seconds. Zero: 24 h.
	RefreshTokenLifetime time.Duration
	// DeviceInterval is the time in whole seconds that must pass between two
	// polls, else the answer is slow_down (RFC 8628 §3.5). Zero: 5 s.
	DeviceInterval time.Duration
	// DeviceLifetime is that of device and user code, in whole seconds. Zero:
	// 10 min.
	DeviceLifetime time.Duration
	// AlwaysRefreshToken issues a refresh token even without offline or
	// offline_access in the scope.
	AlwaysRefreshToken bool
	// TokenDelay passes before each token request is looked at. Zero: none.
	TokenDelay time.Duration
	// Keys is a JWK Set of public keys, as JSON: those of the client signed and
	// of [Platform]. If empty, both can do nothing.
	Keys []byte
	// Log, if not nil, is called once a token request, by many goroutines at a
	// time, before the answer leaves.
	Log func(Event)
}

// Platform is an issuer of assertions about alice.
const Platform = "https://platform.example.test"

// Event is the outcome of one token request.
type Event struct {
	Time      time.Time // of the answer
	Path      string
	GrantType string
	ClientID  string // as the request gave it
	Error     string // the error code (RFC 6749 §5.2), empty on success
	Status    int
}

// Server is a running authorization server. Its methods are safe for concurrent
// use.
type Server struct {
	cfg    Config
	issuer string
	oauth  fosite.OAuth2Provider
	store  *store
	codes  *strategy
	keys   signingKeys

	// Fosite and its in-memory store read and write the same requests without a
	// lock, and check and rotate a refresh token in two steps: one protocol
	// step at a time.
	step sync.Mutex

	stats stats
	done  chan struct{} // closed by Close
	close func() error
}

// Start listens and serves until Close. It fails when the address cannot be
// listened on or a duration is negative.
func Start(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("authserver: %w", err)
	}
	s := &Server{cfg: cfg, issuer: "http://" + l.Addr().String(), done: make(chan struct{})}
	if err := s.setUp(); err != nil {
		l.Close()
		return nil, fmt.Errorf("authserver: %w", err)
	}
	s.serve(l)
	return s, nil
}

func (cfg *Config) complete() error {
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if cfg.TokenDelay < 0 {
		return fmt.Errorf("authserver: negative TokenDelay %v", cfg.TokenDelay)
	}
	lifetimes := map[string]struct {
		value *time.Duration
		zero  time.Duration
	}{
		"AccessTokenLifetime":  {&cfg.AccessTokenLifetime, time.Hour},
		"RefreshTokenLifetime": {&cfg.RefreshTokenLifetime, 24 * time.Hour},
		"DeviceInterval":       {&cfg.DeviceInterval, 5 * time.Second},
		"DeviceLifetime":       {&cfg.DeviceLifetime, 10 * time.Minute},
	}
	for _, name := range slices.Sorted(maps.Keys(lifetimes)) {
		switch d := lifetimes[name]; {
		case *d.value < 0:
			return fmt.Errorf("authserver: negative %s %v", name, *d.value)
		case *d.value == 0:
			*d.value = d.zero
		}
	}
	return nil
}

// serve runs the HTTP server; one count a connection, and one for Serve itself,
// lets Close wait for them all.
func (s *Server) serve(l net.Listener) {
	var running sync.WaitGroup
	hs := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ConnState: func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				running.Add(1)
			case http.StateClosed, http.StateHijacked:
				running.Done()
			}
		},
	}
	running.Go(func() { _ = hs.Serve(l) })
	s.close = sync.OnceValue(func() error {
		close(s.done)
		err := hs.Close()
		running.Wait()
		return err
	})
}

// Close stops listening, drops every connection and waits for the goroutines
// that served them. Later calls give the same answer.
func (s *Server) Close() error { return s.close() }

// Issuer is the issuer identifier, http://host:port; metadata is at its
// /.well-known/oauth-authorization-server.
func (s *Server) Issuer() string { return s.issuer }

// Count is the number of requests answered at a path, such as /token, whatever
// the answer.
func (s *Server) Count(path string) int { return s.stats.count(path) }

// Refusals is the number of token requests answered with an error; an
// authorization_pending counts too.
func (s *Server) Refusals() int { return s.stats.refused() }

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", s.metadata)
	mux.HandleFunc("GET /.well-known/openid-configuration", s.metadata)
	mux.HandleFunc("GET /jwks", s.jwks)
	mux.HandleFunc("/authorize", s.oneStep(s.authorize))
	mux.HandleFunc("POST /par", s.oneStep(s.par))
	mux.HandleFunc("POST /token", s.delayed(s.oneStep(s.token)))
	mux.HandleFunc("POST /revoke", s.oneStep(s.revoke))
	mux.HandleFunc("POST /introspect", s.oneStep(s.introspect))
	mux.HandleFunc("POST /device/auth", s.oneStep(s.deviceAuthorization))
	mux.HandleFunc("/device", s.oneStep(s.devicePage))
	mux.HandleFunc("/userinfo", s.userInfo)
	mux.HandleFunc("GET /api/{resource...}", s.api)
	return s.stats.counting(mux)
}

// oneStep reads the form, then runs h while nobody else does.
func (s *Server) oneStep(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "the form cannot be read", http.StatusBadRequest)
			return
		}
		s.step.Lock()
		defer s.step.Unlock()
		// What was begun is finished: a client that hangs up does not undo a
		// rotation.
		h(w, r.WithContext(context.WithoutCancel(r.Context())))
	}
}

func (s *Server) delayed(h http.HandlerFunc) http.HandlerFunc {
	if s.cfg.TokenDelay == 0 {
		return h
	}
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(s.cfg.TokenDelay):
			h(w, r)
		case <-s.done:
			panic(http.ErrAbortHandler) // returning would be an empty 200
		}
	}
}
