// Service is an HTTP service that calls an API as itself, and that can be
// deployed while people use it: it says when it is ready, drains what is under
// way when it is told to stop, and closes its grant after that.
//
//	go run ./service              then: curl localhost:8080/orders
//	curl localhost:8080/readyz    the condition of the token
//	curl localhost:8080/metrics   the two figures that alerts need
//
// It is told by the environment whom to ask: see environment.go, which also
// starts an authorization server of its own where nothing is said. What is to
// be copied is in this file and in handlers.go, with the type environment.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := start(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

func start(ctx context.Context) error {
	env, end, err := readEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	defer end()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", env.addr)
	if err != nil {
		return err
	}
	return run(ctx, listener, env, slog.New(slog.NewTextHandler(os.Stderr, nil)))
}

// run serves until ctx ends, and then until what is under way is done.
func run(ctx context.Context, listener net.Listener, env environment, log *slog.Logger) error {
	// The grant outlives the signal, since requests that are being drained may
	// need it. Close comes after Shutdown.
	grant, err := oauth2grant.New(context.WithoutCancel(ctx), oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:  oauth2grant.Server{Issuer: env.issuer},
		Auth:    oauth2grant.SecretBasic(env.id, env.secret),
		Scopes:  env.scopes,
		Refresh: oauth2grant.Refresh{Eager: true}, // so that it becomes ready before its first request
		Logger:  log,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer grant.Close()

	client := &http.Client{Transport: grant.Transport(nil), Timeout: 20 * time.Second}
	s := &service{grant: grant, client: client, api: env.api}
	server := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	log.Info("serving", "addr", listener.Addr().String())
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}

	s.draining.Store(true)
	log.Info("draining", "notice", env.notice)
	time.Sleep(env.notice) // until the load balancer has looked at /readyz
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), env.patience)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		return errors.Join(fmt.Errorf("not everything was done in time: %w", err), server.Close())
	}
	return nil
}
