package hostile_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// victim is what is attacked: one grant, the Client that it shares, and one
// transport, all over one base.
type victim struct {
	server *server
	grant  *oauth2grant.Grant
	client *oauth2grant.Client
	base   *http.Transport
	api    *http.Client
}

func newVictim(t *testing.T, s *server, base *http.Transport) *victim {
	t.Helper()
	base.MaxResponseHeaderBytes = 1 << 20
	base.DisableKeepAlives = true
	base.TLSNextProto = nil
	c, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{
			TokenURL: s.base + "/token", UserInfoURL: s.base + "/userinfo",
			IntrospectionURL: s.base + "/introspect", RevocationURL: s.base + "/revoke",
		},
		Auth:       oauth2grant.SecretBasic("client", "the-client-secret"),
		HTTPClient: &http.Client{Transport: base},
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := oauth2grant.New(context.WithoutCancel(t.Context()), oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Client: c,
		Refresh: oauth2grant.Refresh{
			Timeout: 400 * time.Millisecond, MinBackOff: time.Millisecond, MaxBackOff: 10 * time.Millisecond,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &victim{s, g, c, base, &http.Client{Transport: g.Transport(base)}}
}

// calls are those that a program makes. Each is to return when its ctx ends.
var calls = []func(ctx context.Context, v *victim){
	func(ctx context.Context, v *victim) { _ = v.grant.EnsureActiveToken(ctx) },
	func(ctx context.Context, v *victim) { _, _ = v.grant.FetchToken(ctx) },
	func(ctx context.Context, v *victim) { _, _ = v.grant.RefreshToken(ctx) },
	func(ctx context.Context, v *victim) { _, _ = v.grant.UserInfo(ctx) },
	func(ctx context.Context, v *victim) { v.get(ctx, "/api") },
	func(ctx context.Context, v *victim) { v.get(ctx, "/other/api") },
	func(ctx context.Context, v *victim) {
		_, _ = v.client.RequestToken(ctx, url.Values{"grant_type": {"client_credentials"}})
	},
	func(ctx context.Context, v *victim) { _, _ = v.client.Refresh(ctx, "R", nil) },
	func(ctx context.Context, v *victim) { _, _ = v.client.Introspect(ctx, "A", "") },
	func(ctx context.Context, v *victim) { _, _ = v.client.UserInfo(ctx, "A") },
	func(ctx context.Context, v *victim) { _ = v.client.Revoke(ctx, "A", "") },
	func(ctx context.Context, v *victim) {
		_, _ = oauth2grant.Discover(ctx, v.server.base, &http.Client{Transport: v.base})
	},
}

// get asks the API, whose body is the caller's own.
func (v *victim) get(ctx context.Context, path string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.server.base+path, strings.NewReader("{}"))
	if err != nil {
		return
	}
	if res, err := v.api.Do(req); err == nil {
		_ = res.Body.Close()
	}
}

func TestHostile_NoCallOutlivesItsContext(t *testing.T) {
	if len(behaviours) < 60 {
		t.Fatalf("there are %d behaviours only", len(behaviours))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServer("http://127.0.0.1:1", 1)
				s.pace = 100 * time.Microsecond
				s.be(false, name)
				v := newVictim(t, s, &http.Transport{DialContext: s.dial})
				for i, call := range calls {
					const patience = 300 * time.Millisecond
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					start := time.Now()
					call(ctx, v)
					if took := time.Since(start); took > patience {
						t.Errorf("call %d took %v, which is %v longer than its ctx", i, took, took-patience)
					}
					cancel()
				}
				s.be(true, "")
				_, _ = v.grant.FetchToken(t.Context()) // this may join a run that was under way
				if _, err := v.grant.FetchToken(t.Context()); err != nil {
					t.Errorf("of a well server: %v", err)
				}
				if err := v.grant.EnsureActiveToken(t.Context()); err != nil {
					t.Errorf("of a well server: %v", err)
				}
				s.be(false, name)
				going := make(chan struct{})
				go func() {
					defer close(going)
					_, _ = v.grant.FetchToken(context.WithoutCancel(t.Context()))
				}()
				synctest.Wait()
				start := time.Now()
				if _ = v.grant.Close(); time.Since(start) > 0 {
					t.Errorf("Close took %v", time.Since(start))
				}
				<-going
				v.base.CloseIdleConnections()
				s.close()
			})
		})
	}
}

// soakTime is how long the soak lasts, unless HOSTILE_SOAK says otherwise.
const soakTime = 20 * time.Second

func TestHostile_Soak(t *testing.T) {
	lasts := soakTime
	if text := os.Getenv("HOSTILE_SOAK"); text != "" {
		var err error
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := listen(t, seed)
	v := newVictim(t, s, &http.Transport{})
	atRest := runtime.NumGoroutine()
	v.round(t, s, seed) // what is made once is made
	first := quiet(t, atRest)
	var made int
	var longest time.Duration
	end := time.Now().Add(lasts)
	for i := seed + 1; time.Now().Before(end); i++ {
		n, over := v.round(t, s, i)
		made, longest = made+n, max(longest, over)
	}
	last := quiet(t, atRest)
	t.Logf("%d calls, %d behaviours, the latest %v after its ctx; heap %d KiB, then %d KiB; %d goroutines",
		made, len(s.counts), longest, first>>10, last>>10, atRest)
	const slack = 8 << 20
	if last > first+slack {
		t.Errorf("the heap has grown from %d to %d bytes", first, last)
	}
	if lasts >= soakTime && len(s.counts) < len(behaviours) {
		t.Errorf("only %d of %d behaviours were met", len(s.counts), len(behaviours))
	}
	_ = v.grant.Close()
}

// round makes calls at once against a hostile server, and then one against a
// well one. It returns how many calls were made, and how long after the end of
// its ctx the latest returned.
func (v *victim) round(t *testing.T, s *server, seed uint64) (made int, longest time.Duration) {
	t.Helper()
	const workers, each = 4, 50
	s.be(false, "")
	var late atomic.Int64
	done := make(chan struct{}, workers*each)
	var wg sync.WaitGroup
	for w := range uint64(workers) {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(seed, w))
			for range each {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+rng.IntN(60))*time.Millisecond)
				calls[rng.IntN(len(calls))](ctx, v)
				if due, _ := ctx.Deadline(); time.Since(due) > time.Duration(late.Load()) {
					late.Store(int64(time.Since(due)))
				}
				cancel()
				done <- struct{}{}
			}
		})
	}
	for range workers * each {
		progress.Await(t, "end of a call", done)
	}
	wg.Wait()
	s.be(true, "")
	// What was under way may end first, as late as the machine is slow.
	progress.Retry(t, "token of a well server", func() error {
		_, err := v.grant.FetchToken(context.Background())
		return err
	})
	return workers * each, time.Duration(late.Load())
}

// quiet waits until there are no more goroutines than at rest, and returns the
// size of the heap.
func quiet(t *testing.T, atRest int) uint64 {
	t.Helper()
	progress.Retry(t, "end of the connections' goroutines", func() error {
		if n := runtime.NumGoroutine(); n > atRest {
			return fmt.Errorf("there are %d, at rest %d", n, atRest)
		}
		return nil
	})
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestHostile_CloseAtAnyMoment(t *testing.T) {
	s := listen(t, 7)
	var longest time.Duration
	for i := range uint64(100) {
		v := newVictim(t, s, &http.Transport{})
		ctx, cancel := context.WithCancel(context.Background())
		var wg sync.WaitGroup
		started := make(chan struct{}, len(calls))
		for _, call := range calls {
			wg.Go(func() {
				started <- struct{}{}
				call(ctx, v)
			})
		}
		rng := rand.New(rand.NewPCG(7, i))
		for range 1 + rng.IntN(len(calls)) { // somewhere in the midst of them
			progress.Await(t, "start of a call", started)
		}
		for range rng.IntN(1000) {
			runtime.Gosched()
		}
		closed := make(chan time.Duration, 1)
		start := time.Now()
		go func() {
			_ = v.grant.Close()
			closed <- time.Since(start)
		}()
		longest = max(longest, progress.Await(t, "end of Close", closed))
		cancel()
		wg.Wait()
	}
	t.Logf("the longest Close took %v", longest)
}
