// Login signs a person in at their browser, as a command-line tool does, and
// calls an API in their name. The token stays in a file: the next run asks
// nobody, as long as the server honours the refresh token.
//
// It is told by the environment where to sign in and what to call:
//
//	OAUTH_ISSUER     https://login.example.com
//	OAUTH_CLIENT_ID  of a public client whose redirect URI is http://127.0.0.1/callback, on any port (RFC 8252 §7.3)
//	OAUTH_SCOPE      openid offline_access orders.read
//	API_URL          https://api.example.com/orders
//	TOKEN_FILE       where the token is kept (may be left out: then it is forgotten at the end)
//
// Without OAUTH_ISSUER it starts an authorization server and an API of its own,
// so that this runs as it is:
//
//	go run ./login
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"

	"github.com/oauth2grant/go-oauth2grant/contrib/oidcverify"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Getenv, nil)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "login:", err)
		os.Exit(1)
	}
}

// run signs in, if need be, and says who that was and what the API answers.
// open is AuthCode's: nil stands for the system browser.
func run(
	ctx context.Context, out io.Writer, getenv func(string) string, open func(context.Context, string) error,
) error {
	env, end, err := readEnvironment(out, getenv)
	if err != nil {
		return err
	}
	defer end()
	store, err := filestore.Open(filestore.Config{Path: env.file})
	if err != nil {
		return err
	}
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: env.issuer},
		Auth:   oauth2grant.Public(env.id),
		Scopes: env.scopes,
	})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	verifier, err := oidcverify.New(client, oidcverify.Config{})
	if err != nil {
		return err
	}
	flow := oauth2grant.AuthCode{Open: open, VerifyIDToken: verifier.SignIn}
	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{Client: client, Store: store})
	if err != nil {
		return err
	}
	defer grant.Close()

	// Opens the browser, unless the file has a token that is good or can be
	// renewed.
	who, err := grant.UserInfo(ctx)
	switch {
	case errors.Is(err, oauth2grant.AccessDenied):
		return errors.New("you did not allow it; nothing was done")
	case err != nil:
		return err
	}
	fmt.Fprintf(out, "signed in as %s\n", who.Subject)
	return call(ctx, out, grant, env.api)
}

func call(ctx context.Context, out io.Writer, grant *oauth2grant.Grant, api string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		return err
	}
	res, err := grant.HTTPClient().Do(req) // puts the token on the request, and gets another one after a 401
	if err != nil {
		return err
	}
	defer res.Body.Close()
	fmt.Fprintf(out, "%s answers %s:\n", api, res.Status)
	_, err = io.Copy(out, res.Body)
	return err
}
