package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// parallel is the number of requests at a time.
const parallel = 16

// provider is the authorization server and the API.
type provider struct {
	*granttest.Server
	url           string
	close         func()
	tokenRequests atomic.Int64
}

func startProvider(ctx context.Context, users int) (*provider, error) {
	passwords := map[string]string{}
	for i := range users {
		passwords[userName(i)] = "" // nobody signs in here
	}
	p := &provider{Server: granttest.New(granttest.Config{Users: passwords})}
	var requests atomic.Int64
	url, stop, err := serve(ctx, "", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == string(granttest.Token) {
			p.tokenRequests.Add(1)
		}
		p.ServeHTTP(w, r)
		if requests.Add(1)%1000 == 0 {
			p.Reset() // its log would fill the memory that is to be measured
		}
	}))
	if err != nil {
		return nil, err
	}
	p.url, p.close = url, stop
	p.SetIssuer(url)
	return p, nil
}

// figures is what was measured.
type figures struct {
	requests, failed, wrong   int // wrong: answered with the orders of another user
	served                    int // users
	slowest                   time.Duration
	tokenRequests, reused     int // at the server; reused: refresh tokens used twice
	opened, mostLive, maxLive int // grants
	heap, stacks              uint64
	goroutines                int
	firstFailure              error
}

// load asks for the orders of users, at random.
func load(ctx context.Context, address string, o options) figures {
	connections := &http.Transport{MaxIdleConnsPerHost: parallel}
	defer connections.CloseIdleConnections()
	client := &http.Client{Transport: connections, Timeout: 30 * time.Second}
	var (
		mu     sync.Mutex
		f      figures
		served = map[int]bool{}
		all    sync.WaitGroup
		until  = time.Now().Add(o.period)
	)
	for range parallel {
		all.Go(func() {
			for ctx.Err() == nil && time.Now().Before(until) {
				i := rand.IntN(o.users)
				begin := time.Now()
				user, err := ask(ctx, client, address+"/orders?user="+userName(i))
				took := time.Since(begin)
				mu.Lock()
				f.requests++
				f.slowest = max(f.slowest, took)
				switch {
				case err != nil:
					f.failed++
					f.firstFailure = cmp.Or(f.firstFailure, err)
				case user != userName(i):
					f.wrong++
				default:
					served[i] = true
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	f.served = len(served)
	return f
}

// ask returns the user whose orders came.
func ask(ctx context.Context, client *http.Client, url string) (user string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", url, res.Status)
	}
	var answer struct{ User string }
	err = json.Unmarshal(body, &answer)
	return answer.User, err
}

// measureMemory looks while the grants are live.
func (f *figures) measureMemory() {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.heap, f.stacks, f.goroutines = m.HeapAlloc, m.StackInuse, runtime.NumGoroutine()
}

func (f *figures) print(w io.Writer) {
	const mib = 1 << 20
	fmt.Fprintf(w, `
requests        %d, failed %d; the slowest took %v
users served    %d; with the orders of another %d
grants          at most %d live of %d allowed; opened %d times
token requests  %d: one for each user, whenever their grant was closed and opened again; refresh tokens used twice %d
memory          %.1f MiB of heap, %.1f MiB of stacks, %d goroutines; with the authorization server and the API
`, f.requests, f.failed, f.slowest.Round(time.Millisecond), f.served, f.wrong, f.mostLive, f.maxLive, f.opened,
		f.tokenRequests, f.reused, float64(f.heap)/mib, float64(f.stacks)/mib, f.goroutines)
}

// judge names everything that is not as it should be.
func (f *figures) judge() error {
	var off []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			off = append(off, fmt.Errorf(format, args...))
		}
	}
	check(f.served > 0, "nobody was served")
	check(f.failed == 0, "%d of %d requests failed, first: %w", f.failed, f.requests, f.firstFailure)
	check(f.wrong == 0, "%d answers were those of another user", f.wrong)
	check(f.tokenRequests == f.served, "%d token requests for %d users", f.tokenRequests, f.served)
	check(f.reused == 0, "%d refresh tokens were used twice", f.reused)
	check(f.mostLive <= f.maxLive, "%d grants were live, %d are allowed", f.mostLive, f.maxLive)
	return errors.Join(off...)
}
