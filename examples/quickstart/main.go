// Quickstart shows the whole of a service's life with OAuth, with no set-up: it
// starts an authorization server in this process whose tokens live three
// seconds, calls an API that asks for them twenty times a second, and renews
// the token eight times meanwhile. Then it prints what it measured, and fails
// if anything was off: a call refused, a call that waited for a renewal, a
// token request too many.
//
//	go run ./quickstart
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const (
	callEvery = time.Second / 20
	renewals  = 8
	patience  = time.Minute // eight renewals take some twelve seconds
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, renewals)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, renewals int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience,
		fmt.Errorf("there were no %d renewals within %v", renewals, patience))
	defer cancel()

	server, err := startServer(w)
	if err != nil {
		return err
	}
	defer server.Close()

	// A hook is told of every token. It runs beside the calls, never in their
	// way, and may ask the grant how it is.
	var (
		grant  *oauth2grant.Grant
		tokens atomic.Int64
		waited atomic.Int64 // calls that did, for others than the first
		start  = time.Now()
	)
	onEvent := func(_ context.Context, e oauth2grant.Event) {
		if e.Kind != oauth2grant.EventObtained {
			return
		}
		if tokens.Load() > 0 {
			waited.Add(int64(e.Waiters))
		}
		fmt.Fprintf(w, "%5.1f s  token %d, good for %.1f s, next refresh in %.1f s\n", time.Since(start).Seconds(),
			tokens.Add(1), time.Until(e.Token.Expiry).Seconds(), time.Until(grant.Status().NextRefresh).Seconds())
	}

	// This is all that a program needs: the flow, who issues the tokens, and
	// who asks for them. Where the token endpoint is, is discovered from the
	// issuer; nothing is sent before the first call.
	grant, err = oauth2grant.New(ctx, oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:  oauth2grant.Server{Issuer: server.Issuer()},
		Auth:    oauth2grant.SecretBasic("worker", "worker-secret"),
		Scopes:  []string{"read"},
		OnEvent: onEvent,
	})
	if err != nil {
		return err
	}
	defer grant.Close() // a second Close does no harm

	f, err := work(ctx, grant, server.Issuer()+"/api/orders", func() bool { return tokens.Load() > int64(renewals) })
	if err != nil {
		return err
	}

	// No renewal is under way now, since the last token has just come: what the
	// server counted is what was needed.
	f.tokens, f.tokenRequests, f.waited = int(tokens.Load()), server.Count("/token"), int(waited.Load())
	begin := time.Now()
	f.closeErr = grant.Close()
	f.close = time.Since(begin)

	f.print(w)
	if err := f.judge(renewals); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nPASS: %d renewals, and no call waited for one of them.\n", f.tokens-1)
	return nil
}

// work calls the API, again and again, until enough says so, and once more
// after that.
func work(ctx context.Context, grant *oauth2grant.Grant, api string, enough func() bool) (figures, error) {
	var f figures
	tick := time.NewTicker(callEvery)
	defer tick.Stop()
	for last := false; !last; {
		last = enough()
		err := call(ctx, grant, api, &f)
		switch {
		case ctx.Err() != nil:
			return f, context.Cause(ctx)
		case err != nil:
			return f, err
		}
		<-tick.C
	}
	return f, nil
}

// call makes one request. PrepareRequest is what the library adds to it.
func call(ctx context.Context, grant *oauth2grant.Grant, api string, f *figures) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		return err
	}

	begin := time.Now()
	if err := grant.PrepareRequest(ctx, req.Header); err != nil {
		return err
	}
	prepared := time.Now()

	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	f.add(prepared.Sub(begin), time.Since(prepared), res.StatusCode)
	return nil
}
