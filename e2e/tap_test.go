package e2e

import (
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"
	"time"
)

// tap notes what a grant sends, and can hold back its token requests, or their
// answers.
type tap struct {
	base    *http.Transport
	gate    chan struct{} // token requests wait for it to be closed; nil: they do not
	dam     chan struct{} // so do their answers
	arrived chan struct{} // closed when the first token request has come here
	written chan struct{} // closed when the first token request is on its way to the server
	answers chan struct{} // closed when the first answer to one has come here

	arrive, write, answer func()

	mu   sync.Mutex
	sent []exchange
}

// exchange is one request and how it ended.
type exchange struct {
	path       string
	start, end time.Time
	err        error
}

func newTap(t *testing.T) *tap {
	w := &tap{base: &http.Transport{}}
	w.arrived, w.arrive = event()
	w.written, w.write = event()
	w.answers, w.answer = event()
	t.Cleanup(w.base.CloseIdleConnections)
	return w
}

// event returns a channel and what closes it, once.
func event() (happened chan struct{}, happen func()) {
	happened = make(chan struct{})
	return happened, sync.OnceFunc(func() { close(happened) })
}

func (w *tap) client() *http.Client { return &http.Client{Transport: w} }

// RoundTrip implements http.RoundTripper.
func (w *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	x := exchange{path: req.URL.Path, start: time.Now()}
	if isToken(x.path) {
		w.arrive()
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			WroteRequest: func(httptrace.WroteRequestInfo) { w.write() },
		}))
		if err := hold(req, w.gate); err != nil {
			return nil, err
		}
	}
	res, err := w.base.RoundTrip(req)
	if isToken(x.path) && err == nil {
		w.answer()
		if err = hold(req, w.dam); err != nil {
			res.Body.Close()
			res = nil
		}
	}
	x.end, x.err = time.Now(), err
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, x)
	return res, err
}

// hold waits for the barrier to be closed; nil: there is none.
func hold(req *http.Request, barrier chan struct{}) error {
	if barrier == nil {
		return nil
	}
	select {
	case <-barrier:
		return nil
	case <-req.Context().Done():
		return req.Context().Err()
	}
}

func isToken(path string) bool { return path == "/token" }

// tokenRequests are those that ended, in that order.
func (w *tap) tokenRequests() []exchange { return w.matching(isToken) }

// discoveries are the requests for metadata.
func (w *tap) discoveries() []exchange {
	return w.matching(func(path string) bool { return strings.Contains(path, "/.well-known/") })
}

func (w *tap) matching(match func(path string) bool) []exchange {
	w.mu.Lock()
	defer w.mu.Unlock()
	var found []exchange
	for _, x := range w.sent {
		if match(x.path) {
			found = append(found, x)
		}
	}
	return found
}
