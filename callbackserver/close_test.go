package callbackserver

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
)

func TestClose_EndsEveryWait(t *testing.T) {
	s := listen(t, Config{})
	one, two := waiting(t.Context(), s, "one"), waiting(t.Context(), s, "two")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatalf("Close returned %v", err)
		}
	}
	for _, out := range []<-chan result{one, two} {
		if r := within(t, out); !errors.Is(r.err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", r.err)
		}
	}
	s.Expect("three")
	for _, state := range []string{"three", ""} {
		if _, err := s.Wait(t.Context(), state); !errors.Is(err, ErrClosed) {
			t.Errorf("Wait(%q) after Close got %v, want ErrClosed", state, err)
		}
	}
}

func TestListen_ContextBoundsTheServer(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	s, err := Listen(ctx, Config{})
	if err != nil {
		t.Fatal(err)
	}
	out := waiting(t.Context(), s, "s")
	cause := errors.New("shutting down")
	cancel(cause)
	if r := within(t, out); !errors.Is(r.err, ErrClosed) || !errors.Is(r.err, cause) {
		t.Errorf("got %v, want ErrClosed and the cause", r.err)
	}
	within(t, s.ended)
	listen(t, Config{Ports: []int{portIn(t, s)}})
}

func TestClose_LeavesThePortFree(t *testing.T) {
	port := freePort(t)
	c := newBrowser(t)
	for i := range 50 {
		s := listen(t, Config{Ports: []int{port}, Localhost: i%2 == 1})
		s.Expect("s")
		follow(t, c, s, get(t, c, s.RedirectURI()+"?code=c&state=s"))
		s.Close()
	}
}

func TestClose_MayBeCalledFromManyGoroutines(t *testing.T) {
	s := listen(t, Config{})
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			s.Close()
			select {
			case <-s.ended:
			default:
				t.Error("Close returned too early")
			}
		})
	}
	group.Wait()
}

func TestClose_WaitsForThePageToBeFetched(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("s")
	redirect := get(t, c, s.RedirectURI()+"?code=c&state=s")
	other := waiting(t.Context(), s, "other")

	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	within(t, other) // Close has begun

	// On a connection of its own, as a browser may do.
	fresh := newBrowser(t)
	if r := follow(t, fresh, s, redirect); r.status != http.StatusOK {
		t.Fatalf("page has status %d, want 200", r.status)
	}
	within(t, closed)
}

func TestClose_APageIsOutWhileItsConnectionStaysOpen(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("s")
	follow(t, c, s, get(t, c, s.RedirectURI()+"?code=c&state=s"))
	ctx, cancel := context.WithTimeout(t.Context(), ioTimeout/2) // an idle connection lives longer
	defer cancel()
	select {
	case <-s.answers.pages[0].gone:
	case <-ctx.Done():
		t.Fatal("Close would wait for a page that has been fetched")
	}
}

func TestClose_DoesNotWaitForeverForThePage(t *testing.T) {
	s, c := listen(t, Config{}), newBrowser(t)
	s.Expect("s")
	get(t, c, s.RedirectURI()+"?code=c&state=s")
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	within(t, closed)
}

func TestClose_DropsConnectionsThatSendNothing(t *testing.T) {
	s := listen(t, Config{})
	silent := dial(t, s)
	slow := dial(t, s)
	send(t, slow, "GET /callback HTTP/1.1\r\nHost: ")
	s.Close()
	for _, conn := range []net.Conn{silent, slow} {
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("read %d bytes from a closed server", n)
		}
	}
}

func TestClose_IsNotHeldUpByAHalfSentForm(t *testing.T) {
	s := listen(t, Config{})
	conn := dial(t, s)
	u, err := url.Parse(s.RedirectURI())
	if err != nil {
		t.Fatal(err)
	}
	send(t, conn, "POST /callback HTTP/1.1\r\nHost: "+u.Host+
		"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n') // the handler reads the body from now on
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	s.Close()
	listen(t, Config{Ports: []int{portIn(t, s)}})
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	u, err := url.Parse(s.RedirectURI())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{Timeout: guard}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
}
