package oauth2grant

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"sync"
	"syscall"
	"time"
)

// insideError says that a connection to a host that only a metadata document
// named would have led inside.
type insideError struct {
	host  string
	addr  netip.Addr
	field string // of Server
}

func (e *insideError) Error() string {
	return fmt.Sprintf("the metadata leads to %s (%s), inside this machine or its network, "+
		"although the issuer is outside: if that is right, set Server.%s, "+
		"and if the Server is from Discover, copy its fields into a new one first", e.host, e.addr, e.field)
}

// guard keeps the library's own transport from connecting to an address inside
// this machine or its network for a host that only a metadata document named.
// It judges the address that a name was resolved to, so that no name can get
// past it. It does not see through a proxy, and stands aside where the issuer's
// own host is inside.
type guard struct {
	base func(ctx context.Context, network, addr string) (net.Conn, error)

	mu     sync.Mutex        // guards the fields below
	issuer string            // the host of the issuer
	inside bool              // the issuer's host was connected to inside, by this guard or one before it
	named  map[string]string // hosts that only a document named, and the field of Server that would name them
}

// watch begins to guard the hosts of s, whose metadata is known.
func (g *guard) watch(s Server) {
	if g == nil {
		return
	}
	trusted, named := map[string]bool{hostOf(s.Issuer): true}, map[string]string{}
	for _, e := range s.endpoints() {
		if host := hostOf(*e.field); s.metadata.names(e) {
			named[host] = e.goName
		} else {
			trusted[host] = true
		}
	}
	maps.DeleteFunc(named, func(host, _ string) bool { return trusted[host] })
	g.mu.Lock()
	defer g.mu.Unlock()
	g.named, g.inside = named, g.inside || s.metadata.inside
}

// issuerInside reports whether the issuer is known to be inside.
func (g *guard) issuerInside() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside
}

// dial is the DialContext of a transport.
func (g *guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	host = lowerASCII(host)
	g.mu.Lock()
	field := g.named[host]
	if g.inside {
		field = ""
	}
	isIssuer := host == g.issuer
	g.mu.Unlock()
	if field == "" {
		conn, err := g.base(ctx, network, addr)
		if err == nil && isIssuer {
			g.learn(conn.RemoteAddr())
		}
		return conn, err
	}
	dialer := net.Dialer{
		Timeout: 30 * time.Second, KeepAlive: 30 * time.Second,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err == nil && isInsideAddr(to.Addr()) {
				return &insideError{host: host, addr: to.Addr(), field: field}
			}
			return err
		},
	}
	return dialer.DialContext(ctx, network, addr)
}

// learn notes where the issuer is.
func (g *guard) learn(at net.Addr) {
	to, err := netip.ParseAddrPort(at.String())
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside = err == nil && isInsideAddr(to.Addr())
}

// standardDial is the dialer of net/http's default transport, unless somebody
// puts another there.
var standardDial = func() uintptr {
	if standard, ok := http.DefaultTransport.(*http.Transport); ok {
		return reflect.ValueOf(standard.DialContext).Pointer()
	}
	return 0
}()

// guarded makes t dial through a guard, which it returns: nil where the program
// has its own way to dial, which may lead anywhere.
func guarded(t *http.Transport, issuer string) *guard {
	if t.DialContext == nil || reflect.ValueOf(t.DialContext).Pointer() != standardDial || t.DialTLSContext != nil {
		return nil
	}
	g := &guard{base: t.DialContext, issuer: hostOf(issuer)}
	t.DialContext = g.dial
	return g
}
