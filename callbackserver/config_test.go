package callbackserver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestListen_Refuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"all interfaces":                      {Addr: "0.0.0.0"},
		"all interfaces over IPv6":            {Addr: "::"},
		"an address of the network":           {Addr: "192.0.2.1"},
		"a host name":                         {Addr: "localhost"},
		"an address with a port":              {Addr: "127.0.0.1:80"},
		"an address with a zone":              {Addr: "::1%lo"},
		"localhost for an address it is not":  {Addr: "127.0.0.2", Localhost: true},
		"a relative path":                     {Path: "callback"},
		"a path with a query":                 {Path: "/callback?x=1"},
		"a path with a fragment":              {Path: "/callback#x"},
		"a path that looks like a host":       {Path: "//example.com"},
		"a path of two slashes":               {Path: "//"},
		"a path that has to be escaped":       {Path: "/call back"},
		"a path that is escaped":              {Path: "/call%20back"},
		"a path with a line break":            {Path: "/\r\nX: y"},
		"a path that climbs":                  {Path: "/a/../b"},
		"a port below the range":              {Ports: []int{-1}},
		"a port above the range":              {Ports: []int{0, 65536}},
		"an address mapped out of loopback":   {Addr: "::ffff:192.0.2.1"},
		"a number that some take for address": {Addr: "2130706433"},
		"a network's address for localhost":   {Addr: "127.0.0.2", Localhost: true, AllowNonLoopback: true},
		"a redirect URI without a scheme":     {RedirectURI: "app.example/callback"},
		"a redirect URI over the network":     {RedirectURI: "http://app.example/callback"},
		"a redirect URI with a fragment":      {RedirectURI: "https://app.example/callback#"},
		"a redirect URI with a user":          {RedirectURI: "https://a@app.example/callback"},
		"a redirect URI without a host":       {RedirectURI: "https:///callback"},
		"a redirect URI of another scheme":    {RedirectURI: "com.example.app:/callback"},
		"a redirect URI that runs a script":   {RedirectURI: "javascript://127.0.0.1/%0aalert(1)"},
		"a redirect URI that is none":         {RedirectURI: "http://127.0.0.1:x/"},
		"a redirect URI that climbs":          {RedirectURI: "https://app.example/a/../b"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Listen(t.Context(), cfg)
			if err == nil {
				s.Close()
				t.Fatal("Listen accepted it")
			}
		})
	}
}

func TestListen_NamesEveryProblem(t *testing.T) {
	_, err := Listen(t.Context(), Config{Addr: "example.com", Path: "x", Ports: []int{-1}})
	joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok || len(joined.Unwrap()) != 3 {
		t.Fatalf("got %v, want three problems joined", err)
	}
}

func TestListen_FailsOnAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped")
	cancel(cause)
	_, err := Listen(ctx, Config{})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, cause) {
		t.Fatalf("got %v, want the context's error and its cause", err)
	}
}

func TestRedirectURI(t *testing.T) {
	for name, test := range map[string]struct {
		cfg        Config
		host, path string
	}{
		"is the IP literal by default":     {Config{}, "127.0.0.1", "/callback"},
		"has the path as configured":       {Config{Path: "/oauth/cb/"}, "127.0.0.1", "/oauth/cb/"},
		"may be the root":                  {Config{Path: "/"}, "127.0.0.1", "/"},
		"brackets IPv6":                    {Config{Addr: "::1"}, "::1", "/callback"},
		"has localhost on wish":            {Config{Localhost: true}, "localhost", "/callback"},
		"has localhost for IPv6 on wish":   {Config{Addr: "::1", Localhost: true}, "localhost", "/callback"},
		"may be elsewhere on the loopback": {Config{Addr: "127.0.0.2"}, "127.0.0.2", "/callback"},
		"unmaps an IPv4 address":           {Config{Addr: "::ffff:127.0.0.1"}, "127.0.0.1", "/callback"},
	} {
		t.Run(name, func(t *testing.T) {
			needs(t, test.cfg.Addr)
			s, c := listen(t, test.cfg), newBrowser(t)
			u, err := url.Parse(s.RedirectURI())
			if err != nil {
				t.Fatal(err)
			}
			if u.Scheme != "http" || u.Hostname() != test.host || u.Path != test.path || u.Port() == "0" {
				t.Fatalf("redirect URI %s", u)
			}
			s.Expect("s")
			page := follow(t, c, s, get(t, c, s.RedirectURI()+"?code=c&state=s"))
			if page.status != http.StatusOK {
				t.Fatalf("page has status %d", page.status)
			}
		})
	}
}

func TestListen_LocalhostIsServedOnBothFamilies(t *testing.T) {
	needs(t, "::1")
	s, c := listen(t, Config{Localhost: true}), newBrowser(t)
	port := portIn(t, s)
	for _, host := range []string{"127.0.0.1", "::1", "localhost"} {
		s.Expect(host)
		target := "http://" + net.JoinHostPort(host, strconv.Itoa(port)) + "/callback?code=c&state=" +
			url.QueryEscape(host)
		if r := get(t, c, target); r.status != http.StatusSeeOther {
			t.Errorf("%s: status %d, want 303", host, r.status)
		}
	}
}

func TestListen_LocalhostPassesOverAPortTakenOnTheOtherFamily(t *testing.T) {
	needs(t, "::1")
	foreign := occupy(t, "[::1]:0")
	s := listen(t, Config{Localhost: true, Ports: []int{foreign, 0}})
	if portIn(t, s) == foreign {
		t.Fatal("it shares its port with a stranger")
	}
	if s, err := Listen(t.Context(), Config{Localhost: true, Ports: []int{foreign}}); err == nil {
		s.Close()
		t.Fatal("Listen shares its only port with a stranger")
	}
}

func TestListen_TriesPortsInOrder(t *testing.T) {
	taken, free := occupy(t, "127.0.0.1:0"), freePort(t)
	s := listen(t, Config{Ports: []int{taken, free, 0}})
	if got := portIn(t, s); got != free {
		t.Fatalf("port %d, want the first free one, %d", got, free)
	}
	var op *net.OpError
	_, err := Listen(t.Context(), Config{Ports: []int{taken, free}})
	if !errors.As(err, &op) || !errors.Is(err, ErrPortTaken) {
		t.Fatalf("got %v, want ErrPortTaken and the error of the bind", err)
	}
}

func TestListen_SaysThatAPortIsTakenOnlyIfItIs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, ended := Listen(ctx, Config{})
	// Not an address of this machine.
	_, elsewhere := Listen(t.Context(), Config{Addr: "192.0.2.1", AllowNonLoopback: true})
	for _, err := range []error{ended, elsewhere} {
		if err == nil || errors.Is(err, ErrPortTaken) {
			t.Errorf("got %v", err)
		}
	}
}

func TestRedirectURI_AsRegistered(t *testing.T) {
	for name, test := range map[string]struct {
		cfg      Config
		received string // the path at which the answer reaches us
		hosts    []string
		shown    string // the beginning of where the browser is sent then
		refused  string // a host that is not ours
	}{
		"behind a proxy": {
			Config{RedirectURI: "https://app.example/oauth/cb"},
			"/oauth/cb",
			[]string{"app.example", "app.example:443", "APP.example", "127.0.0.1:PORT", "localhost:PORT"},
			"/oauth/cb/done/", "app.example:80",
		},
		"behind a proxy that changes the path": {
			Config{RedirectURI: "https://app.example/tool/callback", Path: "/cb"},
			"/cb",
			[]string{"app.example"},
			"/tool/callback/done/", "evil.example",
		},
		"with a query of its own": {
			Config{RedirectURI: "https://app.example/cb?tenant=1"},
			"/cb",
			[]string{"app.example"},
			"/cb/done/",
			"evil.example",
		},
		"without a path": {
			Config{RedirectURI: "https://app.example"}, "/", []string{"app.example"}, "/done/", "evil.example",
		},
		"another published port": {
			Config{RedirectURI: "http://localhost:9000/callback", Addr: "0.0.0.0", AllowNonLoopback: true},
			"/callback",
			[]string{"localhost:9000", "127.0.0.1:PORT"},
			"/callback/done/", "127.0.0.1:9000",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := listen(t, test.cfg), newBrowser(t)
			if got := s.RedirectURI(); got != test.cfg.RedirectURI {
				t.Errorf("redirect URI %q, want it as registered", got)
			}
			local := s.Start("")
			for i, host := range append(test.hosts, test.refused) {
				state := "state-" + strconv.Itoa(i)
				s.Expect(state)
				req := request(t, http.MethodGet, at(t, s, local), "")
				port := req.URL.Port()
				req.URL.Path, req.URL.RawQuery = test.received, "code=c&state="+state
				req.Host = strings.ReplaceAll(host, "PORT", port)
				r := do(t, c, req)
				if host == test.refused {
					if r.status != http.StatusMisdirectedRequest {
						t.Errorf("host %s: status %d, want 421", host, r.status)
					}
					continue
				}
				if r.status != http.StatusSeeOther || !strings.HasPrefix(r.header.Get("Location"), test.shown) {
					t.Errorf("host %s: status %d, to %q, want below %s", host, r.status,
						r.header.Get("Location"), test.shown)
				}
			}
		})
	}
}

func TestListen_AllowNonLoopback(t *testing.T) {
	for name, cfg := range map[string]Config{
		"on all interfaces":                {Addr: "0.0.0.0", AllowNonLoopback: true},
		"on all interfaces, as localhost":  {Addr: "0.0.0.0", AllowNonLoopback: true, Localhost: true},
		"on all interfaces of both kinds":  {Addr: "::", AllowNonLoopback: true},
		"on the loopback interface anyway": {AllowNonLoopback: true},
	} {
		t.Run(name, func(t *testing.T) {
			needs(t, cfg.Addr)
			s, c := listen(t, cfg), newBrowser(t)
			u, err := url.Parse(s.RedirectURI())
			if err != nil || u.Hostname() != "127.0.0.1" && !cfg.Localhost ||
				cfg.Localhost && u.Hostname() != "localhost" {
				t.Fatalf("redirect URI %s, %v", u, err)
			}
			s.Expect("s")
			if page := follow(t, c, s, get(t, c, s.RedirectURI()+"?code=c&state=s")); page.status != http.StatusOK {
				t.Errorf("page has status %d", page.status)
			}
			req := request(t, http.MethodGet, s.RedirectURI()+"?code=c&state=s", "")
			req.Host = "attacker.example:" + u.Port()
			if r := do(t, c, req); r.status != http.StatusMisdirectedRequest {
				t.Errorf("a foreign host got %d, want 421", r.status)
			}
		})
	}
}

// needs fails the test, and says why, where the machine lacks addr.
func needs(t *testing.T, addr string) {
	t.Helper()
	if !strings.HasPrefix(addr, "::") || strings.HasPrefix(addr, "::ffff:") {
		return
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		t.Fatalf("this test needs IPv6 on the loopback interface: %v", err)
	}
	l.Close()
}

func occupy(t *testing.T, addr string) int {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func freePort(t *testing.T) int {
	t.Helper()
	s, err := Listen(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return portIn(t, s)
}

func portIn(t *testing.T, s *Server) int {
	t.Helper()
	u, err := url.Parse(s.RedirectURI())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
