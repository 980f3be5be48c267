package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// service answers requests with what an API says.
type service struct {
	grant    *oauth2grant.Grant
	client   *http.Client // puts the grant's token on requests
	api      string
	draining atomic.Bool
	underWay atomic.Int64
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders", s.orders)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /metrics", s.metrics)
	return mux
}

// orders passes on what the API says. The token, should there be none yet, is
// waited for on the context of the request: a client that leaves is not waited
// for, and takes nothing from the others.
func (s *service) orders(w http.ResponseWriter, r *http.Request) {
	s.underWay.Add(1)
	defer s.underWay.Add(-1)
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.api, nil)
	if err != nil {
		fail(w, err)
		return
	}
	res, err := s.client.Do(req)
	if err != nil {
		fail(w, err)
		return
	}
	defer res.Body.Close()
	w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body) // a client that has left hears no error
}

// fail answers a request that could not be served. What went wrong is for the
// log, and nothing for the client.
func fail(w http.ResponseWriter, err error) {
	slog.Error("no answer from the API", "error", err)
	switch {
	case oauth2grant.IsTransient(err): // the grant tries again by itself
		w.Header().Set("Retry-After", "5")
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	case errors.Is(err, oauth2grant.ErrClosed):
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
	default:
		http.Error(w, "the API can't be asked", http.StatusBadGateway)
	}
}

// ready says whether requests may be sent here: whether there is a usable
// token, and it is not the end. It asks nobody and does not block.
func (s *service) ready(w http.ResponseWriter, _ *http.Request) {
	status := s.grant.Status()
	w.Header().Set("Content-Type", "application/json")
	if !status.Usable || s.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(status)
}

// metrics has the two figures that the alerts in docs/operating.md need, and
// how much there is to drain.
func (s *service) metrics(w http.ResponseWriter, _ *http.Request) {
	status := s.grant.Status()
	usable := 0
	if status.Usable {
		usable = 1
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = fmt.Fprintf(w, "token_usable %d\ntoken_failures %d\norders_under_way %d\n",
		usable, status.Failures, s.underWay.Load())
}
