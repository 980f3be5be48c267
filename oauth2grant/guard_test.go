package oauth2grant

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// conn is a connection to a certain address, and to nothing.
type conn struct {
	net.Conn
	to net.Addr
}

func (c conn) RemoteAddr() net.Addr { return c.to }
func (conn) Close() error           { return nil }

func TestGuard_JudgesOnlyHostsThatADocumentNamed(t *testing.T) {
	at := func(addr string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)) }
	for name, c := range map[string]struct {
		issuerAt string // where its host was connected to; empty: never
		own      Server
		addr     string
		guarded  bool
	}{
		"a host of the document": {"203.0.113.1:443", Server{}, "127.0.0.1:1", true},
		"one in another case":    {"203.0.113.1:443", Server{}, "localhost:1", true},
		"the issuer's own host":  {"", Server{}, "as.example:443", false},
		"a host that the user names": {
			"", Server{TokenURL: "https://127.0.0.1:1/t"}, "127.0.0.1:1", false,
		},
		"a host that the user names for something else": {
			"", Server{UserInfoURL: "https://127.0.0.1/u"}, "127.0.0.1:1", false,
		},
		"a proxy":                              {"", Server{}, "proxy.example:3128", false},
		"any host, where the issuer is inside": {"10.0.0.1:443", Server{}, "127.0.0.1:1", false},
		"any host, where the issuer is on this machine":  {"127.0.0.1:443", Server{}, "127.0.0.1:1", false},
		"a host of the document, before the issuer's":    {"", Server{}, "127.0.0.1:1", true},
		"the issuer behind a proxy that nobody sees":     {"", Server{}, "localhost:1", true},
		"a host of the document, at another of its port": {"203.0.113.1:443", Server{}, "127.0.0.1:2", true},
	} {
		t.Run(name, func(t *testing.T) {
			c.own.Issuer = "https://as.example"
			dialed := 0
			g := &guard{issuer: "as.example", base: func(context.Context, string, string) (net.Conn, error) {
				dialed++
				return conn{to: at("203.0.113.9:443")}, nil
			}}
			if c.issuerAt != "" {
				g.learn(at(c.issuerAt))
			}
			g.watch(Server{
				TokenURL: "https://127.0.0.1/t", RevocationURL: "https://LocalHost/r", AuthURL: "https://as.example/a",
			}, c.own)
			_, err := g.dial(t.Context(), "tcp", c.addr)
			inside, ok := errors.AsType[*insideError](err)
			if ok != c.guarded || dialed != map[bool]int{true: 0, false: 1}[c.guarded] {
				t.Fatalf("got %v after %d connections", err, dialed)
			} else if ok && (!strings.Contains(inside.Error(), "Server.") || IsTransient(err)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// What Discover returns is guarded as what a Client has discovered by itself.
func TestGuard_JudgesHostsOfAServerThatDiscoverReturned(t *testing.T) {
	const inside = "https://127.0.0.1/t"
	for name, c := range map[string]struct {
		edit    func(s *Server)
		guarded bool
	}{
		"as it was returned": {func(*Server) {}, true},
		"with another endpoint that the user names": {func(s *Server) {
			s.UserInfoURL = "https://api.example/u"
		}, true},
		"with an endpoint on that host that the user names": {func(s *Server) {
			s.UserInfoURL = "https://127.0.0.1/u"
		}, false},
		"with one that was left out, and that the user names": {func(s *Server) {
			s.metadata.refused = map[string]error{"token_endpoint": errors.New("is not acceptable")}
		}, false},
		"from an issuer that is inside": {func(s *Server) {
			g := &guard{issuer: "as.example"}
			g.learn(net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:443")))
			g.toldIn(*s)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			found := Server{Issuer: "https://as.example", TokenURL: inside, metadata: &metadata{
				members: wire.Members{"token_endpoint": []byte(`"` + inside + `"`)},
			}}
			c.edit(&found)
			client, err := NewClient(Config{Server: found, Auth: Public("client")})
			if err != nil {
				t.Fatal(err)
			}
			client.guard.base = func(context.Context, string, string) (net.Conn, error) { return conn{}, nil }
			_, err = client.guard.dial(t.Context(), "tcp", "127.0.0.1:1")
			if _, ok := errors.AsType[*insideError](err); ok != c.guarded {
				t.Errorf("got %v", err)
			}
			// It discovers what is missing, from a document that has changed.
			client.guard.watch(Server{Issuer: found.Issuer, metadata: &metadata{}}, client.own)
			_, err = client.guard.dial(t.Context(), "tcp", "127.0.0.1:1")
			if _, ok := errors.AsType[*insideError](err); ok != c.guarded {
				t.Errorf("after another discovery: %v", err)
			}
		})
	}
}

func TestGuard_LearnsWhereTheIssuerIs(t *testing.T) {
	g := &guard{issuer: "as.example", base: func(context.Context, string, string) (net.Conn, error) {
		return conn{to: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:443"))}, nil
	}}
	if _, err := g.dial(t.Context(), "tcp", "AS.example:443"); err != nil || !g.inside {
		t.Errorf("got %v, inside %v", err, g.inside)
	}
}

func TestTransport_OwnIsGuardedAndKeepsNoConnectionForLong(t *testing.T) {
	own := (&Config{Server: Server{Issuer: "https://as.example"}}).transport()
	rt, ok := own.RoundTripper.(*http.Transport)
	if !ok || rt.IdleConnTimeout != maxIdle || rt.MaxResponseHeaderBytes > 1<<20 || own.guard == nil {
		t.Errorf("got %+v", own)
	}
	if standard, ok := http.DefaultTransport.(*http.Transport); !ok || standard.IdleConnTimeout == maxIdle {
		t.Error("the default transport was changed")
	}
	users := &http.Transport{}
	got := (&Config{HTTPClient: &http.Client{Transport: users}}).transport()
	if got.RoundTripper != users || got.guard != nil {
		t.Errorf("got %+v", got)
	}
	tunnel := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, nil }}
	if guarded(tunnel, "https://as.example") != nil {
		t.Error("a way of dialing that the program chose is guarded")
	}
}
