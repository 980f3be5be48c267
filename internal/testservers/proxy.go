package testservers

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
)

// Proxy passes TCP connections on to a server, until it is told to be a hole in
// the network. It is safe for concurrent use.
type Proxy struct {
	to  string
	l   net.Listener
	all sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool
	opened chan struct{} // closed unless there is a hole
	closed bool
}

// StartProxy starts a proxy for the server at an address; it ends with the
// test.
func StartProxy(tb testing.TB, to string) *Proxy {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{to: to, l: l, conns: map[net.Conn]bool{}, opened: make(chan struct{})}
	close(p.opened)
	p.all.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// Addr is host:port.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Swallow makes a hole: connections stay, new ones are accepted, and nothing
// that is sent arrives before Heal.
func (p *Proxy) Swallow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.opened:
		p.opened = make(chan struct{})
	default:
	}
}

// Heal closes the hole; what was sent meanwhile arrives, as after a partition
// of the network.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.opened:
	default:
		close(p.opened)
	}
}

// Cut closes every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) close() {
	_ = p.l.Close()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.Cut()
	p.Heal()
	p.all.Wait()
}

func (p *Proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.serve(c) })
	}
}

// track keeps a connection for Cut until it is forgotten.
func (p *Proxy) track(c net.Conn) (forget func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	if p.closed {
		_ = c.Close()
	}
	return func() {
		_ = c.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.track(client)()
	server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		return
	}
	defer p.track(server)()
	var back sync.WaitGroup
	back.Go(func() { p.pass(client, server); _ = client.Close() })
	p.pass(server, client)
	_ = server.Close()
	back.Wait()
}

// pass copies, a piece at a time and none through a hole.
func (p *Proxy) pass(to io.Writer, from io.Reader) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		opened := p.opened
		p.mu.Unlock()
		<-opened
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}
