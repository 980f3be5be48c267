// Worker is what a service needs to call an API as itself: make a grant, close
// it at the end, and prepare each request.
//
// It is told by the environment whom to ask and what to call:
//
//	OAUTH_ISSUER         https://login.example.com
//	OAUTH_CLIENT_ID      orders-worker
//	OAUTH_CLIENT_SECRET  its secret
//	OAUTH_SCOPE          orders.read (may be left out)
//	API_URL              https://api.example.com/orders
//
// Without OAUTH_ISSUER it starts an authorization server and an API of its own,
// so that this runs as it is:
//
//	go run ./worker
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Getenv)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}

// run works until ctx ends.
func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	env, end, err := readEnvironment(getenv)
	if err != nil {
		return err
	}
	defer end()
	log := slog.New(slog.NewTextHandler(out, nil))

	grant, err := oauth2grant.New(ctx, oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: env.issuer},
		Auth:   oauth2grant.SecretBasic(env.id, env.secret),
		Scopes: env.scopes,
		Logger: log, // says when a token was obtained, and why not; never what it is
	})
	if err != nil {
		return err
	}
	defer grant.Close()

	for tick := time.Tick(time.Second); ; {
		status, err := call(ctx, grant, env.api)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			// Go on: the grant tries again by itself, and asks a server that is
			// down no more often for being called more often.
			log.Error("call failed", "error", err)
		default:
			log.Info("called", "api", env.api, "status", status)
		}
		select {
		case <-tick:
		case <-ctx.Done():
			return nil
		}
	}
}

// call makes one request. Its time is for all of it: the token, should there be
// none yet, and the API.
func call(ctx context.Context, grant *oauth2grant.Grant, api string) (status string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		return "", err
	}
	if err := grant.PrepareRequest(ctx, req.Header); err != nil {
		return "", err
	}
	// grant.HTTPClient().Do(req) would do both, and come back with another
	// token after a 401.
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.Status, err
}
