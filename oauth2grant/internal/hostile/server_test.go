package hostile_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// server answers each connection's first request by one of its behaviours, and
// then ends the connection.
type server struct {
	// base is where it is, without a slash at the end.
	base string

	// pace is slept before each write of a flood. A clock that stands still
	// while anybody works needs it: under synctest.
	pace time.Duration

	// mu guards what follows.
	mu     sync.Mutex
	rng    *rand.Rand
	well   bool
	only   string // a behaviour; empty: any
	counts map[string]int
	open   map[net.Conn]bool
	closed bool

	serving sync.WaitGroup
}

func newServer(base string, seed uint64) *server {
	return &server{
		base: base, rng: rand.New(rand.NewPCG(seed, 1)), counts: map[string]int{}, open: map[net.Conn]bool{},
	}
}

// listen starts a server on loopback, which ends with the test.
func listen(t *testing.T, seed uint64) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newServer("http://"+l.Addr().String(), seed)
	s.serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.take(conn)
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.close()
	})
	return s
}

// dial connects without a socket.
func (s *server) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	s.take(ours)
	return theirs, nil
}

// take serves one connection.
func (s *server) take(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return
	}
	s.open[conn] = true
	s.serving.Go(func() { s.serve(conn) })
}

func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	for conn := range s.open {
		_ = conn.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

// be sets what the server does from now on: well, or one behaviour, or any.
func (s *server) be(well bool, only string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.well, s.only = well, only
}

// choose returns what is to be done with the next request, and a seed for it.
func (s *server) choose() (what behaviour, seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.well {
		return func(c *call) { c.write(c.good()) }, 0
	}
	name := s.only
	if name == "" {
		name = names[s.rng.IntN(len(names))]
	}
	s.counts[name]++
	return behaviours[name], s.rng.Uint64()
}

func (s *server) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
	}()
	r := bufio.NewReader(conn)
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return
	}
	what, seed := s.choose()
	c := &call{server: s, conn: conn, in: r, path: req.URL.Path, rng: rand.New(rand.NewPCG(seed, 2))}
	what(c)
}

// call is one request that a behaviour answers.
type call struct {
	*server
	conn net.Conn
	in   *bufio.Reader
	path string
	rng  *rand.Rand
}

// write reports whether the other side still takes it.
func (c *call) write(text string) bool {
	_, err := io.WriteString(c.conn, text)
	return err == nil
}

// flood writes text until the other side has had enough.
func (c *call) flood(text func(i int) string) {
	for i := 0; c.write(text(i)); i++ {
		time.Sleep(c.pace)
	}
}

// drip writes a text byte by byte, slower than anybody waits.
func (c *call) drip(text string) {
	for i := range len(text) {
		if !c.write(text[i:i+1]) || !c.wait(20*time.Millisecond) {
			return
		}
	}
}

// wait reports whether the other side is still there after d.
func (c *call) wait(d time.Duration) bool {
	_ = c.conn.SetReadDeadline(time.Now().Add(d))
	_, err := c.in.ReadByte()
	_ = c.conn.SetReadDeadline(time.Time{})
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// stall waits until the other side leaves.
func (c *call) stall() {
	_, _ = io.Copy(io.Discard, c.in)
}

// reset ends the connection so that the other side sees an error.
func (c *call) reset() {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.conn.Close()
}

// says is an answer in order, with what header adds.
func says(status int, body string, header ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n",
		status, http.StatusText(status), len(body))
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	return b.String() + "\r\n" + body
}

// good is the answer of a well server.
func (c *call) good() string {
	switch {
	case strings.HasPrefix(c.path, "/.well-known/"):
		return says(200, c.metadata(""))
	case c.path == "/userinfo":
		return says(200, `{"sub":"alice"}`)
	case c.path == "/introspect":
		return says(200, `{"active":true}`)
	case c.path != "/token":
		return says(200, `{}`)
	}
	return says(200, goodToken)
}

const goodToken = `{"access_token":"A","token_type":"Bearer","expires_in":1,"refresh_token":"R"}`

func (c *call) metadata(more string) string {
	return fmt.Sprintf(`{"issuer":%q,"token_endpoint":%q,"authorization_endpoint":%q%s}`,
		c.base, c.base+"/token", c.base+"/authorize", more)
}
