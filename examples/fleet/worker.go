package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	workerVariable = "FLEET_WORKER" // of the environment: set in a worker
	callEvery      = time.Second / 20
)

// assignment is what a worker reads from its standard input, which stays open
// for as long as it is to work.
type assignment struct{ Issuer, RedisURL, Prefix string }

// snapshot is how a worker is; it writes one a line.
type snapshot struct {
	Token     string // fingerprint of the one it holds
	Mine      bool   // it got that one itself
	Refreshed int    // tokens that it got and saved
	Adopted   int    // tokens that others had saved
	Calls     int    // of the API
	Refused   int    // of these
	Without   int    // calls that were not made, for want of a usable token
}

// work calls the API until the standard input ends.
func work(ctx context.Context, in io.Reader, out io.Writer) error {
	var job assignment
	if err := json.NewDecoder(in).Decode(&job); err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	go func() { // also if the parent was killed
		_, _ = io.Copy(io.Discard, in)
		stop()
	}()
	shared, end, err := job.store()
	if err != nil {
		return err
	}
	defer end()
	w := &worker{out: json.NewEncoder(out)}

	// This is all that makes a fleet of it: the Store. A worker has no
	// password, and no way to a new sign-in but somebody else's.
	grant, err := oauth2grant.New(ctx, oauth2grant.RefreshOnly{}, oauth2grant.Config{
		Server:  oauth2grant.Server{Issuer: job.Issuer},
		Auth:    oauth2grant.SecretBasic("web", "web-secret"),
		Store:   shared,
		OnEvent: w.holds,
	})
	if err != nil {
		return err
	}
	defer grant.Close() // waits until a refresh that is under way is saved
	for tick := time.Tick(callEvery); ; {
		if err := w.call(working, grant, job.Issuer+"/api/orders"); err != nil {
			return err
		}
		select {
		case <-tick:
		case <-working.Done():
			return nil
		}
	}
}

// worker tells the parent of each change.
type worker struct {
	mu  sync.Mutex
	now snapshot
	out *json.Encoder
}

func (w *worker) tell(change func(*snapshot)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.now)
	_ = w.out.Encode(w.now) // without a parent the standard input ends too
}

// holds notes which token the worker has, and whether it got it or another
// process did.
func (w *worker) holds(_ context.Context, e oauth2grant.Event) {
	if e.Kind != oauth2grant.EventObtained && e.Kind != oauth2grant.EventAdopted {
		return
	}
	w.tell(func(s *snapshot) {
		sum := sha256.Sum256([]byte(e.Token.AccessToken))
		s.Token, s.Mine = hex.EncodeToString(sum[:4]), e.Kind == oauth2grant.EventObtained
		if s.Mine {
			s.Refreshed++
		} else {
			s.Adopted++
		}
	})
}

func (w *worker) call(ctx context.Context, grant *oauth2grant.Grant, api string) error {
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodGet, api, nil)
	if err != nil {
		return err
	}
	if err := grant.PrepareRequest(limited, req.Header); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			w.tell(func(s *snapshot) { s.Without++ })
		}
		return nil // it is counted, and the next call may do better
	}
	res, err := http.DefaultClient.Do(req)
	if ctx.Err() != nil {
		return nil // it was told to end
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	w.tell(func(s *snapshot) {
		s.Calls++
		if res.StatusCode != http.StatusOK {
			s.Refused++
		}
	})
	return err
}

// runWorkers has them work until ctx ends, and then lets them end in good
// order.
func runWorkers(ctx context.Context, job assignment, b *board) error {
	all, ctx := errgroup.WithContext(ctx)
	for i := range b.rows {
		all.Go(func() error {
			if err := runWorker(ctx, job, func(s snapshot) { b.update(i, s) }); err != nil {
				return fmt.Errorf("worker %d: %w", i+1, err)
			}
			return nil
		})
	}
	err := all.Wait()
	b.finish()
	return err
}

func runWorker(ctx context.Context, job assignment, told func(snapshot)) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), workerVariable+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Cancel, cmd.WaitDelay = in.Close, 15*time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	err = json.NewEncoder(in).Encode(job)
	for lines := json.NewDecoder(out); err == nil; {
		var s snapshot
		if err = lines.Decode(&s); err == nil {
			told(s)
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	ended := cmd.Wait()
	switch {
	case ctx.Err() == nil:
		return errors.Join(err, ended, errors.New("it ended before it was told to"))
	case errors.Is(ended, ctx.Err()): // it was told to, and did
		return nil
	}
	return errors.Join(err, ended)
}
