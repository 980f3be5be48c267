package oauth2grant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
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
			g.watch(documented(Server{
				Issuer: c.own.Issuer, AuthURL: "https://as.example/a",
				TokenURL: "https://127.0.0.1/t", RevocationURL: "https://LocalHost/r",
			}).fill(c.own))
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

// documented returns s as if a document had named all its endpoints.
func documented(s Server) Server {
	s.metadata = &metadata{named: map[naming]bool{}}
	for _, e := range s.endpoints() {
		s.metadata.named[naming{e.name, *e.field}] = true
	}
	return s
}

// What Discover returns is guarded as what a Client has discovered by itself,
// also where a Client that was given it discovers what is missing, and the
// document has changed.
func TestGuard_JudgesHostsOfAServerThatDiscoverReturned(t *testing.T) {
	const inside, outside = "https://127.0.0.1/t", "https://as.example/t"
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
			*s = documented(Server{Issuer: s.Issuer})
			s.TokenURL = inside
		}, false},
		"copied by the user":            {func(s *Server) { s.metadata = nil }, false},
		"from an issuer that is inside": {func(s *Server) { s.metadata.inside = true }, false},
	} {
		t.Run(name, func(t *testing.T) {
			found := documented(Server{Issuer: "https://as.example", TokenURL: inside})
			c.edit(&found)
			judge := func(when string, s Server) *Client {
				t.Helper()
				client, err := NewClient(Config{Server: s, Auth: Public("client")})
				if err != nil {
					t.Fatal(err)
				}
				client.guard.base = func(context.Context, string, string) (net.Conn, error) { return conn{}, nil }
				_, err = client.guard.dial(t.Context(), "tcp", "127.0.0.1:1")
				if _, ok := errors.AsType[*insideError](err); ok != c.guarded {
					t.Errorf("%s: got %v", when, err)
				}
				return client
			}
			first := judge("at first", found)
			for _, token := range []string{inside, outside} {
				again := documented(Server{Issuer: found.Issuer, TokenURL: token}).fill(first.own)
				judge("after a document with "+token, again)
			}
		})
	}
}

// elsewhere is a connection that seems to lead out of this machine.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(203, 0, 113, 1), Port: 443} }

// setStandard makes the default transport connect to server, whatever the host,
// and lets no name be resolved otherwise.
func setStandard(t *testing.T, server *httptest.Server, inside bool) {
	t.Helper()
	transport, resolver, standard := http.DefaultTransport, net.DefaultResolver, standardDial
	t.Cleanup(func() { http.DefaultTransport, net.DefaultResolver, standardDial = transport, resolver, standard })
	own, ok := server.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("the client of httptest has another transport")
	}
	own = own.Clone()
	own.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		if err == nil && !inside {
			c = elsewhere{c}
		}
		return c, err
	}
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no name is resolved here")
	}}
	http.DefaultTransport, standardDial = own, reflect.ValueOf(own.DialContext).Pointer()
}

// A document may lead inside if its issuer is inside, which only a connection
// shows: whoever is given what was discovered is told.
func TestGuard_StandsAsideWhereDiscoveryWasInside(t *testing.T) {
	const issuer = "https://example.com"
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/t" {
			_, _ = io.WriteString(w, `{"access_token":"A","token_type":"Bearer"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"issuer":"https://%s","token_endpoint":"https://token.example.com/t"}`, r.Host)
	}))
	t.Cleanup(server.Close)
	discovered := func(t *testing.T, issuer string, hc *http.Client) Server {
		s, err := Discover(t.Context(), issuer, hc)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	client := func(t *testing.T, s Server) *Client {
		c, err := NewClient(Config{Server: s, Auth: Public("client")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseIdleConnections)
		return c
	}
	for name, c := range map[string]struct {
		server func(t *testing.T) Server
		inside bool // by its name, wherever a connection leads
	}{
		"by Discover":   {func(t *testing.T) Server { return discovered(t, issuer, nil) }, false},
		"by the Client": {func(*testing.T) Server { return Server{Issuer: issuer} }, false},
		"of an address there": {func(t *testing.T) Server {
			return discovered(t, "https://127.0.0.1", &http.Client{})
		}, true},
		"by another Client": {func(t *testing.T) Server {
			s, err := client(t, Server{Issuer: issuer}).Server(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return s
		}, false},
	} {
		for _, inside := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, inside: %v", name, inside), func(t *testing.T) {
				setStandard(t, server, inside)
				_, err := ClientCredentials{}.Run(t.Context(), client(t, c.server(t)))
				if (err == nil) != (inside || c.inside) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

func TestGuard_JudgesTheHostOfAnAlias(t *testing.T) {
	s, err := readMetadata([]byte(`{"issuer":"https://as.example","token_endpoint":"https://as.example/t",
		"mtls_endpoint_aliases":{"token_endpoint":"https://mtls.example/t"}}`),
		"https://as.example", &url.URL{Scheme: "https", Host: "as.example"}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	s.MTLS = true
	g := &guard{}
	if g.watch(s.aliased()); g.named["mtls.example"] != "TokenURL" {
		t.Errorf("guards %v", g.named)
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
