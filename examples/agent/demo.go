package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// copyVariable is set in the copies that the demonstration starts.
const copyVariable = "OAUTH2GRANT_AGENT_COPY"

// demonstrate runs copies of the agent against an API of its own.
func demonstrate(ctx context.Context, out io.Writer) error {
	folder, err := os.MkdirTemp("", "agent")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	srv, stop, err := serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for _, act := range []struct {
		what   string
		copies int
		args   []string
	}{
		{"ten copies at once", 10, []string{"-for", "5s"}},
		{"a restart", 1, nil},
		{"a sign-out", 1, []string{"-sign-out"}},
	} {
		srv.Reset()
		args := append([]string{"-folder", folder, "-inside", "-agree"}, act.args...)
		if err := together(ctx, act.copies, append(args, srv.URL(granttest.Resource))...); err != nil {
			return fmt.Errorf("%s: %w", act.what, err)
		}
		if _, err := fmt.Fprintf(out, "%s: %s\n", act.what, count(srv)); err != nil {
			return err
		}
	}
	if n := srv.ReuseDetected(); n > 0 {
		return fmt.Errorf("%d refresh tokens came back", n)
	}
	return nil
}

// serve starts an authorization server and an API on this machine. Its access
// tokens are good for two seconds, and its refresh tokens for one use.
func serve(ctx context.Context) (*granttest.Server, func(), error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	srv := granttest.New(granttest.Config{
		Issuer: "http://" + listener.Addr().String(), Lifetime: 2 * time.Second,
		ProtectedResource: &granttest.ProtectedResource{Scopes: []string{"read"}},
		Registration:      &granttest.Registration{},
	})
	server := &http.Server{Handler: srv, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	return srv, func() { _ = server.Close(); <-done }, nil
}

// together runs copies of this program at once.
func together(ctx context.Context, n int, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	failures := make([]error, n)
	for i := range n {
		group.Go(func() {
			cmd := exec.CommandContext(ctx, self, args...)
			cmd.Env = append(os.Environ(), copyVariable+"=1")
			if said, err := cmd.CombinedOutput(); err != nil {
				failures[i] = fmt.Errorf("%w: %s", err, said)
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}

// count says what the server was asked.
func count(srv *granttest.Server) string {
	refused := 0
	for _, r := range srv.Requests(granttest.Token) {
		if r.Status != http.StatusOK {
			refused++
		}
	}
	return fmt.Sprintf("%d calls, %d registrations, %d sign-ins, %d token requests, %d of them refused, %d revocations",
		srv.Count(granttest.Resource), srv.Count(granttest.Register), srv.Count(granttest.Authorize),
		srv.Count(granttest.Token), refused, srv.Count(granttest.Revocation))
}
