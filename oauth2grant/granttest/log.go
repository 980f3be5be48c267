package granttest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Request is one line of the log. It holds what the client sent, secrets
// included, and is entered when the request arrives.
type Request struct {
	Time     time.Time
	Endpoint Endpoint
	Method   string
	URL      string // as the client asked for it
	Header   http.Header
	Form     url.Values // of the body if that is form-encoded, else of the URL
	Body     string
	ClientID string // as the client gave it, whether or not it was authenticated
	Status   int    // of the answer, also if the answer was then lost; zero: none yet, or never
	Code     string // the OAuth error code answered; zero: no error
}

// Requests returns the requests to the named endpoints in the order of their
// arrival; all when none is named.
func (s *Server) Requests(e ...Endpoint) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var requests []Request
	for _, r := range s.log {
		if len(e) == 0 || slices.Contains(e, r.Endpoint) {
			requests = append(requests, r.clone())
		}
	}
	return requests
}

func (r Request) clone() Request {
	r.Header = r.Header.Clone()
	form := maps.Clone(r.Form)
	for name, values := range form {
		form[name] = slices.Clone(values)
	}
	r.Form = form
	return r
}

// Count returns how many requests to e have arrived since the last
// [Server.Reset].
func (s *Server) Count(e Endpoint) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, r := range s.log {
		if r.Endpoint == e {
			n++
		}
	}
	return n
}

// Reset empties the log. Tokens, faults and the count of [Server.ReuseDetected]
// stay.
func (s *Server) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}
