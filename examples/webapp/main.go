// Webapp is a web application that people sign in to: one Client for the
// authorization server, and one grant for each of them, which keeps their token
// fresh as long as they are signed in. The token stays on the server; a browser
// has nothing but the id of its session.
//
// It is told by the environment where people sign in and what it calls for
// them:
//
//	OAUTH_ISSUER         https://login.example.com, which must be an OpenID Provider
//	OAUTH_CLIENT_ID      shop
//	OAUTH_CLIENT_SECRET  its secret
//	OAUTH_SCOPE          openid offline_access orders.read
//	API_URL              https://api.example.com/orders
//	LISTEN               127.0.0.1:8080 (may be left out: then a free port)
//	APP_URL              https://shop.example.com, where people see it, whose
//	                     /callback is the redirect URI (may be left out: then
//	                     where it listens)
//
// Without OAUTH_ISSUER it starts an authorization server and an API of its own,
// so that this runs as it is:
//
//	go run ./webapp
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/oauth2grant/go-oauth2grant/contrib/oidcverify"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, os.Getenv)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "webapp:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, out io.Writer, getenv func(string) string) error {
	env, end, err := readEnvironment(out, getenv)
	if err != nil {
		return err
	}
	defer end()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", env.listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	if env.self == "" {
		env.self = "http://" + listener.Addr().String()
	}

	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: env.issuer},
		Auth:   oauth2grant.SecretBasic(env.id, env.secret),
		Scopes: env.scopes,
	})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()

	// The library keeps ID tokens and does not look into them: that is
	// oidcverify's job.
	verifier, err := oidcverify.New(client, oidcverify.Config{})
	if err != nil {
		return err
	}

	people := newPeople(client)
	defer people.close()
	app := &app{
		client: client, people: people, sessions: newSessions(env.self), self: env.self, api: env.api,
		verifier: verifier,
	}
	fmt.Fprintf(out, "open %s/\n", env.self)
	return serve(ctx, listener, app.handler())
}

// serve ends with ctx, after the requests that are being answered.
func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(limited)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
