package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const apiURL = "https://api.example/v1/things?x=1"

// issued is a token of a [server].
type issued struct {
	value  string
	expiry time.Time
}

// server is an authorization server in memory. It is also the RoundTripper of
// those that ask by HTTP.
type server struct {
	life    time.Duration // of its tokens, in whole seconds
	latency time.Duration // of every answer

	// mu guards what follows.
	mu      sync.Mutex
	down    bool
	room    float64 // requests it answers a second; zero: any number
	credit  float64 // of those not yet used, at most those of a tenth of a second
	counted time.Time
	asked   []time.Time // when each request came
	fault   func(n int) error
}

var errBusy = errors.New("503 Service Unavailable")

// issue is one token request.
func (s *server) issue(ctx context.Context) (issued, error) {
	now := time.Now()
	n, err := s.admit(now)
	if s.latency > 0 {
		timer := time.NewTimer(s.latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return issued{}, ctx.Err()
		}
	}
	if err != nil {
		return issued{}, err
	}
	return issued{value: fmt.Sprintf("token-%08d", n), expiry: now.Round(0).Add(s.life)}, nil
}

func (s *server) admit(now time.Time) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, now)
	n = len(s.asked)
	if s.room > 0 {
		s.credit = min(s.credit+now.Sub(s.counted).Seconds()*s.room, max(s.room/10, 1))
		s.counted = now
	}
	switch {
	case s.down:
		return n, errBusy
	case s.fault != nil:
		return n, s.fault(n)
	case s.room == 0:
		return n, nil
	case s.credit < 1:
		return n, errBusy
	}
	s.credit--
	return n, nil
}

// set changes the server while it is in use.
func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// requests returns when each request came.
func (s *server) requests() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.asked...)
}

// forget forgets the requests.
func (s *server) forget() { s.set(func() { s.asked = nil }) }

// RoundTrip answers a token request (RFC 6749 §4.4).
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	t, err := s.issue(r.Context())
	status, body := http.StatusOK, fmt.Sprintf(
		`{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, t.value, int(s.life.Seconds()))
	switch {
	case errors.Is(err, errBusy):
		status, body = http.StatusServiceUnavailable, `{"error":"temporarily_unavailable"}`
	case err != nil:
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// roundTrip is a func that is a RoundTripper.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

var noContent = &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: http.NoBody}
