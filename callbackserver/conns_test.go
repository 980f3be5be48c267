package callbackserver

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestConns_TheOldestMakesRoomOnceItHasHadItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cs := newConns()
		var first []*conn
		for range maxOpen {
			c := &conn{TCPConn: &net.TCPConn{}, conns: cs}
			if wait := cs.admit(c); wait != 0 {
				t.Fatalf("a connection has to wait %v although there is room", wait)
			}
			first = append(first, c)
			time.Sleep(time.Microsecond)
		}
		late := &conn{TCPConn: &net.TCPConn{}, conns: cs}
		wait := cs.admit(late)
		if want := minOpen - maxOpen*time.Microsecond; wait != want {
			t.Fatalf("has to wait %v, want %v", wait, want)
		}
		time.Sleep(wait)
		if wait := cs.admit(late); wait != 0 {
			t.Fatalf("has to wait %v again", wait)
		}
		if len(cs.open) != maxOpen || cs.open[0] != first[1] || cs.open[maxOpen-1] != late {
			t.Fatal("another one than the oldest made room")
		}
	})
}

func TestConns_TheRightBrowserMakesNoRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cs := newConns()
		browser := &conn{TCPConn: &net.TCPConn{}, conns: cs}
		cs.admit(browser)
		p := newPage("id", nil)
		serving(withConn(t.Context(), browser), p)
		if len(cs.open) != 0 {
			t.Fatal("it can still be dropped")
		}
		if browser.page != p {
			t.Fatal("its page is not followed")
		}
	})
}

func TestConns_AcceptEndsWithItsListener(t *testing.T) {
	for name, fill := range map[string]func(*conns){
		"while no goroutine is to be had": func(cs *conns) {
			for range maxServed {
				cs.served <- struct{}{}
			}
		},
		"while no connection can be dropped": func(cs *conns) {
			for range maxOpen {
				cs.open = append(cs.open, &conn{since: time.Now().Add(time.Hour)})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			tcp, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			cs := newConns()
			fill(cs)
			used := len(cs.served)
			l := cs.listener(tcp.(*net.TCPListener))
			client, err := (&net.Dialer{Timeout: guard}).DialContext(t.Context(), "tcp", tcp.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()

			ended := make(chan error, 1)
			go func() {
				_, err := l.Accept()
				ended <- err
			}()
			l.Close()
			if err := within(t, ended); !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v, want net.ErrClosed", err)
			}
			if len(cs.served) != used {
				t.Errorf("%d goroutines are counted, want %d", len(cs.served), used)
			}
		})
	}
}
