package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/oauth2"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
)

// shared is a grant on a store that other processes share.
type shared struct {
	*oauth2grant.Grant
	store oauth2grant.Store
}

func newShared(s spec, w *wire, g *gate) (subject, error) {
	under, err := storeNamed(s.Store)
	if err != nil {
		return nil, err
	}
	store, err := under.open(s.Place)
	if err != nil {
		return nil, err
	}
	flow := oauth2grant.Flow(oauth2grant.RefreshOnly{})
	if s.SignIn {
		flow = oauth2grant.AuthCode{Params: consent(), Open: func(_ context.Context, address string) error {
			g.tell(point(address)) // the browser is the test's
			return nil
		}}
	}
	cfg := oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: s.Issuer}, Auth: web, Scopes: offline,
		Store: skewed{gated{store, g}, s.Ahead}, Refresh: s.Refresh,
	}
	if s.Bound {
		prover, err := dpop.New(nil) // with a key of its own, which nothing is bound to
		if err != nil {
			return nil, err
		}
		cfg.Auth, cfg.Scopes, cfg.Proof = bound, personal, prover
	}
	if !s.Own {
		cfg.HTTPClient = &http.Client{Transport: w}
	}
	grant, err := oauth2grant.New(context.Background(), flow, cfg)
	if err != nil {
		return nil, err
	}
	return shared{grant, store}, nil
}

func (s shared) token(ctx context.Context) (oauth2grant.Token, error) { return s.Token(ctx) }
func (s shared) renew(ctx context.Context) (oauth2grant.Token, error) { return s.RefreshToken(ctx) }
func (s shared) failure() error                                       { return s.Status().Err }

func (s shared) use(ctx context.Context) error {
	who, err := s.UserInfo(ctx)
	if err == nil && who.Subject != "alice" {
		err = fmt.Errorf("the token is %q's", who.Subject)
	}
	return err
}

func (s shared) close() {
	_ = s.Close()
	closeStore(s.store)
}

// peer is what is usually built around golang.org/x/oauth2: load the token from
// a file, let ReuseTokenSource renew it, and save it when it has changed.
type peer struct {
	path   string
	source oauth2.TokenSource

	mu    sync.Mutex
	saved string // the access token in the file
}

func newPeer(s spec, w *wire) (subject, error) {
	data, err := os.ReadFile(s.Place)
	if err != nil {
		return nil, err
	}
	t := new(oauth2.Token)
	if err := json.Unmarshal(data, t); err != nil {
		return nil, err
	}
	config := oauth2.Config{
		ClientID: "web", ClientSecret: "web-secret", Scopes: offline,
		Endpoint: oauth2.Endpoint{TokenURL: s.Issuer + "/token", AuthStyle: oauth2.AuthStyleInHeader},
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: w})
	return &peer{
		path: s.Place, source: oauth2.ReuseTokenSource(t, config.TokenSource(ctx, t)), saved: t.AccessToken,
	}, nil
}

func (p *peer) token(context.Context) (oauth2grant.Token, error) {
	t, err := p.source.Token()
	if err != nil {
		return oauth2grant.Token{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.AccessToken != p.saved {
		data, err := json.Marshal(t)
		if err == nil {
			err = os.WriteFile(p.path, data, 0o600)
		}
		if err != nil {
			return oauth2grant.Token{}, err
		}
		p.saved = t.AccessToken
	}
	return oauth2grant.Token{AccessToken: t.AccessToken, RefreshToken: t.RefreshToken, Expiry: t.Expiry}, nil
}

func (*peer) renew(context.Context) (oauth2grant.Token, error) {
	return oauth2grant.Token{}, errors.ErrUnsupported
}
func (*peer) use(context.Context) error { return errors.ErrUnsupported }
func (*peer) failure() error            { return nil }
func (*peer) close()                    {}

// calls is what the goroutines of one process met.
type calls struct {
	Served, Failed int
	Expired        int           // tokens that were given out after their time
	Longest        time.Duration // wait of one call
	Tokens         int           // different ones
	Err            string        // the first failure
}

const (
	callersEach = 50
	callEvery   = 50 * time.Millisecond // by each of them
)

// callFor calls for the token with many goroutines.
func callFor(ctx context.Context, s subject, d time.Duration) *calls {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var (
		mu   sync.Mutex
		sum  calls
		seen = map[string]bool{}
		all  sync.WaitGroup
	)
	one := func() {
		begin := time.Now()
		t, err := s.token(context.WithoutCancel(ctx))
		end := time.Now()
		mu.Lock()
		defer mu.Unlock()
		sum.Longest = max(sum.Longest, end.Sub(begin))
		switch {
		case err != nil:
			if sum.Failed++; sum.Err == "" {
				sum.Err = err.Error()
			}
			return
		case begin.After(t.Expiry):
			sum.Expired++
		}
		sum.Served++
		seen[t.AccessToken] = true
	}
	for range callersEach {
		all.Go(func() {
			for tick := time.Tick(callEvery); ctx.Err() == nil; {
				one()
				select {
				case <-tick:
				case <-ctx.Done():
				}
			}
		})
	}
	all.Wait()
	sum.Tokens = len(seen)
	return &sum
}

const limitOff = ^uint64(0)

// limitFiles bounds the size of files that this process may write, in bytes: a
// full disk for one process.
func limitFiles(size uint64) error {
	signal.Ignore(syscall.SIGXFSZ)
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		return err
	}
	now.Cur = min(size, now.Max)
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now)
}
