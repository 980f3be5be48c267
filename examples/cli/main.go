// Cli is "orders", a command that never logs out again: a person signs in once,
// by a browser, by pasting or on another device; every later run, and any
// number of copies at the same time, go on with that, whatever the server
// rotates.
//
//	orders login [-by browser|paste|device] [-store keyring|file]
//	orders get       what the API says
//	orders whoami    who is signed in
//	orders logout    revokes the sign-in, and forgets it
//
// It is told by the environment whom to ask: see environment.go. Without that
// it shows all four on an authorization server of its own:
//
//	go run ./cli
//
// What is to be copied is in main.go, login.go, stores.go and sentences.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const name = "orders"

// program is one run of the command.
type program struct {
	settings
	in       io.Reader
	out, err io.Writer
	open     func(ctx context.Context, url string) error                      // nil: the system browser
	prompt   func(ctx context.Context, prompt oauth2grant.DevicePrompt) error // nil: words and a QR code
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	p := &program{settings: settingsFrom(os.Getenv), in: os.Stdin, out: os.Stdout, err: os.Stderr}
	err := p.run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, name+": "+sentence(err))
	}
	os.Exit(exitCode(err))
}

func (p *program) run(ctx context.Context, args []string) error {
	if p.issuer == "" {
		return p.demo(ctx)
	}
	if len(args) == 0 {
		args = []string{""}
	}
	switch args[0] {
	case "login":
		return p.login(ctx, args[1:])
	case "get":
		return p.with(ctx, p.get)
	case "whoami":
		return p.with(ctx, p.whoami)
	case "logout":
		return p.with(ctx, p.logout)
	}
	return fmt.Errorf("%w: %s login | get | whoami | logout", errUsage, name)
}

var errUsage = errors.New("usage")

// with calls f with the grant of the person who is signed in. It asks nobody: a
// command that a script runs must not wait for a person.
func (p *program) with(ctx context.Context, f func(context.Context, *oauth2grant.Grant) error) error {
	store, err := p.openStore(p.chosenStore())
	if err != nil {
		return err
	}
	grant, err := p.newGrant(ctx, oauth2grant.RefreshOnly{}, store)
	if err != nil {
		return err
	}
	defer grant.Close()
	return f(ctx, grant)
}

// newGrant returns a grant of this program. All copies share the store.
func (p *program) newGrant(
	ctx context.Context, flow oauth2grant.Flow, store oauth2grant.Store,
) (*oauth2grant.Grant, error) {
	return oauth2grant.New(ctx, flow, oauth2grant.Config{
		Name:    name,
		Server:  oauth2grant.Server{Issuer: p.issuer},
		Auth:    oauth2grant.Public(p.id),
		Scopes:  p.scopes,
		Store:   store,
		Refresh: oauth2grant.Refresh{Disabled: true}, // the next run renews
		OnEvent: func(_ context.Context, e oauth2grant.Event) {
			if e.Kind == oauth2grant.EventWaiting {
				fmt.Fprintln(p.err, "Somebody is signing in in another window: waiting for that.")
			}
		},
	})
}

func (p *program) get(ctx context.Context, grant *oauth2grant.Grant) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.api, nil)
	if err != nil {
		return err
	}
	res, err := grant.HTTPClient().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", p.api, res.Status)
	}
	_, err = io.Copy(p.out, res.Body)
	return err
}

func (p *program) whoami(ctx context.Context, grant *oauth2grant.Grant) error {
	who, err := grant.UserInfo(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, who.Subject)
	return nil
}

// logout forgets the sign-in here even if the server can't be told.
func (p *program) logout(ctx context.Context, grant *oauth2grant.Grant) error {
	err := grant.Revoke(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		err = nil // the server has no such endpoint
	}
	if err := errors.Join(err, p.forgetStore()); err != nil {
		return err
	}
	fmt.Fprintln(p.out, "You are signed out.")
	return nil
}
