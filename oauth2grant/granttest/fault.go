package granttest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Cut says when the connection breaks.
type Cut int

// The moments at which a connection can break. The client sees an error that is
// [io.ErrUnexpectedEOF] in memory, and what the operating system makes of it
// over a socket, where net/http by itself sends a GET again if the connection
// was used before.
const (
	CutNever  Cut = iota
	CutBefore     // before the request is processed
	CutAfter      // after it was processed: the answer is lost
	CutWithin     // in the middle of the answer's body
)

// Fault is how one request is answered otherwise than it deserves. The zero
// Fault is a normal answer. With Status, Body or Size the request is not
// processed at all; the remaining fields go with any answer.
type Fault struct {
	Status      int                         // zero with Body or Size: 200
	Header      http.Header                 // added to the answer, a normal one too
	Body        string                      // sent as it is; text/plain unless Header says otherwise
	Size        int64                       // a body of so many bytes, of undeclared length and never held in memory, instead of Body
	Cut         Cut                         // where the connection breaks
	Delay       time.Duration               // wait before the request is processed; ends with the request's context
	DelayAnswer time.Duration               // wait after it was processed; ends with the request's context
	Hang        bool                        // no answer and no processing: ends with the request's context only
	Edit        func(answer map[string]any) // changes a successful JSON answer before it is sent
	Form        bool                        // sends a JSON answer form-encoded instead
}

// Error is an error answer of RFC 6749 §5.2. An empty description is left out.
func Error(status int, code, description string) Fault {
	body := map[string]string{"error": code}
	if description != "" {
		body["error_description"] = description
	}
	text, _ := json.Marshal(body) // strings always encode
	return Fault{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: string(text)}
}

// RetryAfter is an answer without a body that asks for patience: Retry-After,
// in seconds, rounded up.
func RetryAfter(status int, d time.Duration) Fault {
	seconds := int64((d + time.Second - 1) / time.Second)
	return Fault{Status: status, Header: http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}}}
}

// HTML is an answer with a page for people, as a proxy in between answers.
func HTML(status int) Fault {
	return Fault{
		Status: status,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body:   fmt.Sprintf("<!doctype html><title>%d</title><h1>%[1]d %s</h1>\n", status, http.StatusText(status)),
	}
}

// Redirect is a 307, which asks the client to send the same request, secrets
// included, to another URL.
func Redirect(to string) Fault {
	return Fault{Status: http.StatusTemporaryRedirect, Header: http.Header{"Location": {to}}}
}

// Script queues faults: the next requests to e take one each, in this order. A
// zero Fault in between is a normal answer.
func (s *Server) Script(e Endpoint, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripted[e] = append(s.scripted[e], faults...)
}

// Break makes every request to e take f, from now on, once the script is used
// up.
func (s *Server) Break(e Endpoint, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[e] = f
}

// Heal returns e to normal answers: it undoes Break and Chaos and empties the
// script. A request that hangs already stays so.
func (s *Server) Heal(e Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.broken, e)
	delete(s.scripted, e)
	delete(s.chaos, e)
}

func (s *Server) nextFault(e Endpoint) Fault {
	if script := s.scripted[e]; len(script) > 0 {
		s.scripted[e] = script[1:]
		return script[0]
	}
	if f, takes := s.chaos[e].next(); takes {
		return f
	}
	return s.broken[e]
}

// canned is the answer of a fault that replaces the processing.
func (f Fault) canned() (answer, bool) {
	if f.Status == 0 && f.Body == "" && f.Size == 0 {
		return answer{}, false
	}
	a := answer{status: f.Status, text: f.Body, size: f.Size}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	var refusal struct{ Error string }
	if json.Unmarshal([]byte(f.Body), &refusal) == nil {
		a.code = refusal.Error
	}
	return a, true
}

// errCut wraps what a client of net/http sees when a connection ends too early.
var errCut = fmt.Errorf("granttest: connection cut: %w", io.ErrUnexpectedEOF)

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
