package granttest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// ServeHTTP answers one request. Where a [Fault] cuts the connection or the
// request's context ended it panics with [http.ErrAbortHandler], on which
// net/http closes the connection without a word.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer, err := s.handle(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range answer.header {
		w.Header()[name] = values
	}
	if answer.length >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(answer.length, 10))
	}
	w.WriteHeader(answer.status)
	if _, err := io.Copy(w, answer.body); err != nil {
		_ = http.NewResponseController(w).Flush() // what was sent before the cut arrives, where w can do so
		panic(http.ErrAbortHandler)
	}
}

// Transport returns a round tripper that hands every request, whatever its
// host, to s, in the caller's goroutine. It is safe for concurrent use.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

// HTTPClient returns a client over [Server.Transport], for the authorization
// server and for the API alike. It has no timeout, no cookies, and follows
// redirects.
func (s *Server) HTTPClient() *http.Client { return &http.Client{Transport: s.Transport()} }

type transport struct{ server *Server }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	answer, err := t.server.handle(r)
	if err != nil {
		return nil, err
	}
	if answer.length >= 0 {
		answer.header.Set("Content-Length", strconv.FormatInt(answer.length, 10))
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", answer.status, http.StatusText(answer.status)),
		StatusCode:    answer.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        answer.header,
		Body:          io.NopCloser(body{r.Context(), answer.body}),
		ContentLength: answer.length,
		Request:       r,
	}, nil
}

// body ends with the context of its request, as that of net/http does.
type body struct {
	ctx context.Context
	io.Reader
}

func (b body) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.Reader.Read(p)
}
