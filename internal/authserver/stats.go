package authserver

import (
	"net/http"
	"sync"
)

// stats counts what was answered. An answer is counted before it leaves, so
// whoever has it sees it counted.
type stats struct {
	mu       sync.Mutex
	answers  map[string]int // by path
	refusals int
}

func (s *stats) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[path]
}

func (s *stats) refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusals
}

func (s *stats) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusals++
}

func (s *stats) counting(h http.Handler) http.Handler {
	s.answers = map[string]int{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(&countingWriter{ResponseWriter: w, answered: sync.OnceFunc(func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.answers[r.URL.Path]++
		})}, r)
	})
}

type countingWriter struct {
	http.ResponseWriter
	answered func()
}

func (w *countingWriter) WriteHeader(status int) {
	w.answered()
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(b []byte) (int, error) {
	w.answered()
	return w.ResponseWriter.Write(b)
}
