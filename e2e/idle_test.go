package e2e

import (
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const (
	idleLife  = 8 * time.Second // of access tokens, which are renewed after five and a half at the earliest
	idleLimit = 5 * time.Second // after which a connection is cut, as Node does by default
)

// TestFleet_SendsNothingOnAConnectionThatMayBeCut lets two processes live on
// one refresh token at a server that cuts a connection which has been idle for
// long just when a request comes on it: nobody knows then whether it was
// processed.
func TestFleet_SendsNothingOnAConnectionThatMayBeCut(t *testing.T) {
	t.Parallel()
	const d = 3*idleLife + idleLife/2 // at least three renewals, so at least two by one process
	s, cuts := startCutter(t)
	c := stores[0].at(t)
	c.put(t, s.signIn(t))
	var reports []pending
	for range 2 {
		p := c.start(t, spec{Issuer: s.issuer, Own: true})
		reports = append(reports, p.order(t, order{Do: doCall, For: d}))
	}
	for _, r := range reports {
		add(t, &calls{}, r.wait(t).Calls)
	}
	if n := s.tokenRequests(); n < 4 { // one of them was the sign-in
		t.Errorf("%d token requests: there were no three renewals", n)
	}
	if n := cuts(); n != 0 {
		t.Errorf("%d requests were sent on a connection that had been idle for more than %v", n, idleLimit)
	}
}

// startCutter starts a server that cuts idle connections, and counts them.
func startCutter(t *testing.T) (s rotating, cuts func() int) {
	t.Helper()
	g := granttest.New(granttest.Config{
		Clients: []granttest.Client{{ID: "web", Secret: "web-secret"}}, Lifetime: idleLife,
	})
	socket := httptest.NewUnstartedServer(g)
	cutting := &cutter{Listener: socket.Listener}
	socket.Listener = cutting
	socket.Start()
	t.Cleanup(socket.Close)
	g.SetIssuer(socket.URL)
	return granted(g, socket.URL), func() int { return int(cutting.cuts.Load()) }
}

// cutter is a listener whose connections end when something arrives on them
// after they have been idle for long.
type cutter struct {
	net.Listener
	cuts atomic.Int32
}

// Accept implements net.Listener.
func (c *cutter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cuts: &c.cuts}, nil
}

type cutConn struct {
	net.Conn
	cuts *atomic.Int32
	last time.Time // something was read; only the server reads, one Read after another
}

func (c *cutConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n == 0 {
		return n, err
	}
	now := time.Now()
	if !c.last.IsZero() && now.Sub(c.last) > idleLimit {
		c.cuts.Add(1)
		_ = c.Close()
		return 0, net.ErrClosed
	}
	c.last = now
	return n, err
}
