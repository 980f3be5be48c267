package wire

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// sending is one request under way. It knows whether anything of its body has
// been handed over to be sent, which is what makes a request that failed one
// that provably was not sent.
type sending struct {
	content string
	look    func() error // before the body is handed over; may be nil

	state   atomic.Int32
	refusal atomic.Pointer[error] // of look
}

const (
	untouched int32 = iota
	handedOver
	over // and nothing was handed over, nor will be
)

var errOver = errors.New("the request is over")

// attach makes s the body of req.
func (s *sending) attach(req *http.Request) {
	req.Body = &body{s: s}
	req.ContentLength = int64(len(s.content))
	req.GetBody = func() (io.ReadCloser, error) {
		if s.state.Load() == over {
			return nil, errOver
		}
		return &body{s: s}, nil
	}
}

// finish ends s and reports whether none of its body was handed over. After
// that none will be.
func (s *sending) finish() (notSent bool) {
	return s.state.CompareAndSwap(untouched, over) || s.state.Load() == over
}

// refused returns the error of look that kept the body back, or nil.
func (s *sending) refused() error {
	if err := s.refusal.Load(); err != nil {
		return *err
	}
	return nil
}

// begin is the last look before a body is handed over.
func (s *sending) begin() error {
	if s.look != nil {
		if err := s.look(); err != nil {
			s.refusal.Store(&err)
			return err
		}
	}
	if s.state.CompareAndSwap(untouched, handedOver) || s.state.Load() == handedOver {
		return nil
	}
	return errOver
}

// body is what one send reads: at first, and once more for every connection
// that had to be replaced.
type body struct {
	s      *sending
	reader *strings.Reader // nil: nothing was read so far
	err    error
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.reader == nil {
		if b.err = b.s.begin(); b.err != nil {
			return 0, b.err
		}
		b.reader = strings.NewReader(b.s.content)
	}
	return b.reader.Read(p)
}

// Close implements [io.Closer].
func (b *body) Close() error { return nil }
