package callbackserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const attackedState = "uZ8mKQm1o0nCkP3e-the-expected-one"

func TestServer_AnAttackerCannotEndOrDelayTheSignIn(t *testing.T) {
	before := heap()
	s := listen(t, Config{})
	out := waiting(t.Context(), s, attackedState)

	// Connections that never finish their request. What came before the last
	// maxOpen of them is dropped, and so can never keep anybody out.
	var slow []net.Conn
	for i := range 3 * maxOpen {
		conn := dial(t, s)
		if i%2 == 0 {
			send(t, conn, "GET /callback?state=wrong HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
		}
		slow = append(slow, conn)
	}
	for _, conn := range slow[:2*maxOpen] {
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Fatalf("a slow connection was answered with %d bytes", n)
		}
	}

	flood(t, s, 10_000)
	sendHugeHeaders(t, s, 64)

	select {
	case r := <-out:
		t.Fatalf("an attacker ended the wait: %v, %v", r.values, r.err)
	default:
	}
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("the heap has grown by %d KiB", grown>>10)
	}

	c := newBrowser(t)
	c.Timeout = readHeaderTimeout - readHeaderTimeout/5 // before slow connections end by themselves
	page := follow(t, c, s, get(t, c, s.RedirectURI()+"?code=right&state="+attackedState))
	if page.status != http.StatusOK {
		t.Errorf("page has status %d", page.status)
	}
	if r := within(t, out); r.err != nil || r.values.Get("code") != "right" {
		t.Errorf("got %v, %v", r.values, r.err)
	}
}

// flood sends n requests that must not decide anything.
func flood(t *testing.T, s *Server, n int) {
	t.Helper()
	kinds := []struct{ method, query, host string }{
		{"GET", "?code=x&state=wrong", ""},
		{"GET", "?code=x", ""},
		{"GET", "?error=access_denied", ""},
		{"GET", "?code=x&state=", ""},
		{"GET", "?code=x&state=a&state=" + attackedState, ""},
		{"GET", "?code=x&state=" + attackedState[:len(attackedState)-1], ""},
		{"GET", "?code=x&state=" + attackedState, "attacker.example"},
		{"DELETE", "?code=x&state=" + attackedState, ""},
		{"POST", "?code=x&state=" + attackedState, ""},
		{"GET", "/done/guess?code=x", ""},
	}
	const workers = 20
	var group sync.WaitGroup
	for worker := range workers {
		c := newBrowser(t)
		group.Go(func() {
			for i := worker; i < n; i += workers {
				kind := kinds[i/workers%len(kinds)]
				req, err := http.NewRequestWithContext(t.Context(), kind.method, s.RedirectURI()+kind.query,
					http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				req.Host = kind.host
				resp, err := c.Do(req)
				if err != nil {
					t.Errorf("%s %s: %v", kind.method, kind.query, err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					t.Error(err)
				}
				if resp.StatusCode < 400 {
					t.Errorf("%s %s got status %d", kind.method, kind.query, resp.StatusCode)
				}
				mustNotHold(t, reply{resp.StatusCode, resp.Header, string(body)}, attackedState)
			}
		})
	}
	group.Wait()
}

func sendHugeHeaders(t *testing.T, s *Server, n int) {
	t.Helper()
	huge := "GET /callback HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + strings.Repeat("x", 2*maxHeaderBytes) + "\r\n\r\n"
	var group sync.WaitGroup
	for range n {
		conn := dial(t, s)
		group.Go(func() {
			_, _ = io.WriteString(conn, huge) // cut off on the way
			answer, _ := io.ReadAll(conn)
			if got := string(answer); got != "" && !strings.HasPrefix(got, "HTTP/1.1 431 ") {
				t.Errorf("got %q, want 431", got)
			}
		})
	}
	group.Wait()
}

func TestServer_SignInsSucceedUnderAStormOfConnections(t *testing.T) {
	s := listen(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	var storm sync.WaitGroup
	defer storm.Wait()
	defer cancel()
	opened := make(chan struct{}, 1)
	for range 4 {
		storm.Go(func() {
			var dialer net.Dialer
			var held []net.Conn
			for ctx.Err() == nil {
				conn, err := dialer.DialContext(ctx, "tcp",
					s.RedirectURI()[len("http://"):len(s.RedirectURI())-len(defaultPath)])
				if err != nil {
					continue
				}
				// As many as fill the server and its backlog, and no more:
				// beyond that the kernel drops what the person sends, too.
				if held = append(held, conn); len(held) == maxOpen {
					untilCut(ctx, held[0])
					held = held[1:]
				}
				select {
				case opened <- struct{}{}:
				default:
				}
			}
			for _, conn := range held {
				conn.Close()
			}
		})
	}
	for range 20 {
		<-opened
	}
	for i := range 8 {
		state := fmt.Sprintf("state-%d", i)
		s.Expect(state)
		c := newBrowser(t)
		page := follow(t, c, s, get(t, c, s.RedirectURI()+"?code=c&state="+state))
		if page.status != http.StatusOK {
			t.Errorf("page has status %d", page.status)
		}
		waitFor(t, s, state)
	}
	s.Close() // in the middle of it
}

// untilCut closes a connection once the server has, or ctx has ended.
func untilCut(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_, _ = conn.Read(make([]byte, 1)) // its only news is the end
	conn.Close()
}

// heap returns the bytes that live objects take.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
