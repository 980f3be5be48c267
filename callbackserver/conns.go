package callbackserver

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// maxOpen is how many connections may be open. One more drops the oldest
	// that has not brought an expected answer, so that connections which send
	// nothing, or slowly, never keep the browser out.
	maxOpen = 256

	// minOpen is how long a connection is safe from that, which is ample for a
	// browser's request, on a busy machine too. In a storm, later connections
	// wait in the backlog of the kernel meanwhile.
	minOpen = 250 * time.Millisecond

	// maxServed is how many connections may hold a goroutine. net/http holds
	// some for half a second after their end; until then further ones wait in
	// the backlog too, and memory is bounded however many come.
	maxServed = 1024
)

// conns bounds the connections of a server, whatever listener they come from.
type conns struct {
	served chan struct{} // one element for each connection with a goroutine

	mu   sync.Mutex
	open []*conn // oldest first, without the spared ones
}

func newConns() *conns { return &conns{served: make(chan struct{}, maxServed)} }

func (cs *conns) listener(l *net.TCPListener) net.Listener {
	return &listener{TCPListener: l, conns: cs, closed: make(chan struct{})}
}

// admit makes room for c and returns 0, or how long to wait before the next
// try.
func (cs *conns) admit(c *conn) time.Duration {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	now := time.Now()
	if len(cs.open) == maxOpen {
		oldest := cs.open[0]
		if age := now.Sub(oldest.since); age < minOpen {
			return minOpen - age
		}
		cs.open = slices.Delete(cs.open, 0, 1)
		oldest.TCPConn.Close()
	}
	c.since = now
	cs.open = append(cs.open, c)
	return 0
}

func (cs *conns) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if i := slices.Index(cs.open, c); i >= 0 {
		cs.open = slices.Delete(cs.open, i, i+1)
	}
}

// state is the ConnState hook of the server.
func (cs *conns) state(nc net.Conn, state http.ConnState) {
	c := nc.(*conn)
	switch state {
	case http.StateIdle:
		c.finishPage()
	case http.StateClosed, http.StateHijacked:
		c.finishPage()
		c.spare()
		<-cs.served
	}
}

// wait returns when the last connection has ended. Nothing may be accepted any
// more.
func (cs *conns) wait() {
	for range maxServed {
		cs.served <- struct{}{}
	}
}

type listener struct {
	*net.TCPListener
	conns  *conns
	once   sync.Once
	closed chan struct{}
}

// Accept waits for a connection, and before it for room to serve one.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case l.conns.served <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	tcp, err := l.AcceptTCP()
	if err != nil {
		<-l.conns.served
		return nil, err
	}
	c := &conn{TCPConn: tcp, conns: l.conns}
	for wait := l.conns.admit(c); wait > 0; wait = l.conns.admit(c) {
		select {
		case <-time.After(wait):
		case <-l.closed:
			tcp.Close()
			<-l.conns.served
			return nil, net.ErrClosed
		}
	}
	return c, nil
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.TCPListener.Close()
}

// conn is a connection that may be dropped in favour of a later one.
type conn struct {
	*net.TCPConn
	conns *conns
	since time.Time // of its admission
	page  *page     // that its last response showed; used by the goroutine that serves it alone
}

func (c *conn) Close() error {
	c.spare()
	return c.TCPConn.Close()
}

// spare keeps the connection from being dropped: it belongs to the right
// browser.
func (c *conn) spare() { c.conns.remove(c) }

// finishPage reports the page as fetched once its last byte has been written.
func (c *conn) finishPage() {
	if c.page != nil {
		c.page.fetched()
		c.page = nil
	}
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// serving records that the request of ctx is the right browser's, and the page
// it is shown, if any.
func serving(ctx context.Context, p *page) {
	if c, ok := ctx.Value(connKey{}).(*conn); ok {
		c.spare()
		c.page = p
	}
}
