package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// questionG keeps grants in use for long, with a server on loopback that often
// fails, and looks whether anything grows.
func questionG(r *report, sc scale) {
	if sc.soak == 0 {
		return
	}
	const grants, callers, life = 50, 4, 3
	var served atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		n := served.Add(1)
		switch n % 10 {
		case 3:
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return
		case 6:
			time.Sleep(rand.N(500 * time.Millisecond))
		case 8:
			panic(http.ErrAbortHandler) // the connection is cut
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"Bearer","expires_in":%d}`, n, life)
	}))
	srv.Config.ErrorLog = nil
	defer srv.Close()
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{TokenURL: srv.URL}, Auth: oauth2grant.SecretBasic("client", "secret"),
	})
	must(err)
	var calls, failed, wrongly atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var all []*oauth2grant.Grant
	for range grants {
		g := newGrant(client, oauth2grant.Refresh{})
		all = append(all, g)
		for range callers {
			wg.Go(func() {
				for tick := time.NewTicker(10 * time.Millisecond); ; {
					select {
					case <-tick.C:
					case <-stop:
						tick.Stop()
						return
					}
					until := g.Status().Expiry
					ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
					err := g.EnsureActiveToken(ctx)
					cancel()
					calls.Add(1)
					if err != nil {
						failed.Add(1)
						if time.Now().Before(until) {
							wrongly.Add(1)
						}
					}
				}
			})
		}
	}
	t := r.table("G · A soak with faults", fmt.Sprintf(
		"%d grants with tokens of %d s, called 400 times a second each, for %v; of ten token requests one is refused "+
			"with a 503, "+
			"one is cut and one is slow.", grants, life, sc.soak),
		"after", "heap", "goroutines", "open files", "calls", "that failed", "that had a usable token")
	var first, last memory
	for i := 1; i <= 5; i++ {
		time.Sleep(sc.soak / 5)
		m := inUse()
		if i == 1 {
			first = m
		}
		last = m
		t.add((sc.soak / 5 * time.Duration(i)).String(), number(m.heap/1e6)+" MB", fmt.Sprint(m.goroutines),
			fmt.Sprint(files()),
			thousands(int(calls.Load())), thousands(int(failed.Load())), fmt.Sprint(wrongly.Load()))
	}
	close(stop)
	wg.Wait()
	for _, g := range all {
		must(g.Close())
	}
	client.CloseIdleConnections()
	r.atMost("G", "calls that failed with a usable token", float64(wrongly.Load()), 0, "")
	r.atMost("G", "heap at the end, of that after a fifth", last.heap/first.heap, 1.1, " ×")
	r.atMost("G", "goroutines at the end, of those after a fifth",
		float64(last.goroutines)/float64(first.goroutines), 1.1, " ×")
	runtime.GC()
}

// files returns how many files and sockets this process has open; -1 where that
// can't be seen.
func files() int {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(open)
}
