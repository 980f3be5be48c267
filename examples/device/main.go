// Device signs a person in who sits elsewhere: it shows a code, which they
// enter on a device that has a browser, and then calls an API in their name. It
// is for programs on machines without a screen, or at the other end of an SSH
// session.
//
// It is told by the environment where to sign in and what to call:
//
//	OAUTH_ISSUER     https://login.example.com
//	OAUTH_CLIENT_ID  of a public client that may use the device grant (RFC 8628)
//	OAUTH_SCOPE      orders.read
//	API_URL          https://api.example.com/orders
//
// Without OAUTH_ISSUER it starts an authorization server and an API of its own,
// so that this runs as it is:
//
//	go run ./device
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"

	"github.com/oauth2grant/go-oauth2grant/contrib/terminalprompt"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Getenv, terminalprompt.QR(os.Stdout))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "device:", err)
		os.Exit(1)
	}
}

// run waits until the person has signed in, and prints what the API answers.
func run(
	ctx context.Context, out io.Writer, getenv func(string) string,
	prompt func(context.Context, oauth2grant.DevicePrompt) error,
) error {
	env, end, err := readEnvironment(out, getenv)
	if err != nil {
		return err
	}
	defer end()
	grant, err := oauth2grant.New(ctx, oauth2grant.DeviceCode{Prompt: prompt}, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: env.issuer},
		Auth:   oauth2grant.Public(env.id),
		Scopes: env.scopes,
	})
	if err != nil {
		return err
	}
	defer grant.Close()

	err = grant.EnsureActiveToken(ctx) // shows the code, and asks the server as often as it wants to be asked
	switch {
	case errors.Is(err, oauth2grant.AccessDenied):
		return errors.New("access was refused on the other device; nothing was done")
	case errors.Is(err, oauth2grant.ErrAuthorizationTimeout):
		return errors.New("the code has expired; run this again for another one")
	case err != nil:
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, env.api, nil)
	if err != nil {
		return err
	}
	res, err := grant.HTTPClient().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	fmt.Fprintf(out, "%s answers %s:\n", env.api, res.Status)
	_, err = io.Copy(out, res.Body)
	return err
}
