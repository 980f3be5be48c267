// Cli is a command that keeps its token in a file between its runs, and shares
// it with every copy of itself that runs at the same time: ten of them, started
// at once without a token, make one token request.
//
//	go run ./cli                     against an authorization server of its own
//	OAUTH_CLIENT_SECRET=… cli -issuer https://login.example.com -id orders-cli -scope orders.read -api https://api.example.com/orders
//
// With -never-ask it makes do with the file: a token in it is used, and renewed
// if it has a refresh token, but no flow is run. That is how a command which
// must not prompt, from cron say, shares the file of one which does: the same
// Config with the flow RefreshOnly{}. It returns ErrLoginRequired when that is
// not enough.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if errors.Is(err, oauth2grant.ErrLoginRequired) {
		err = fmt.Errorf("%w\nrun it without -never-ask first", err)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cli:", err)
		os.Exit(1)
	}
}

type options struct {
	issuer, id, secret, scope, api, file string
	neverAsk                             bool
}

func run(ctx context.Context, out io.Writer, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.issuer == "" {
		end, err := o.serve()
		if err != nil {
			return err
		}
		defer end()
	}
	// With a Path the file is where the user says, else in the folder for the
	// configuration of this program.
	where := filestore.Config{Name: "oauth2grant-cli"}
	if o.file != "" {
		where = filestore.Config{Path: o.file}
	}
	store, err := filestore.Open(where)
	if err != nil {
		return err
	}
	var flow oauth2grant.Flow = oauth2grant.ClientCredentials{}
	if o.neverAsk {
		flow = oauth2grant.RefreshOnly{}
	}
	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{
		Server:  oauth2grant.Server{Issuer: o.issuer},
		Auth:    oauth2grant.SecretBasic(o.id, o.secret),
		Scopes:  strings.Fields(o.scope),
		Store:   store,
		Refresh: oauth2grant.Refresh{Disabled: true}, // it is over before a token is; the next run renews
	})
	if err != nil {
		return err
	}
	defer grant.Close()
	return get(ctx, out, grant.HTTPClient(), o.api)
}

// get calls the API and prints its answer.
func get(ctx context.Context, out io.Writer, client *http.Client, api string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", api, res.Status)
	}
	_, err = io.Copy(out, res.Body)
	return err
}

func parse(args []string) (*options, error) {
	o := &options{secret: os.Getenv("OAUTH_CLIENT_SECRET")} // not a flag: other users see those
	f := flag.NewFlagSet("cli", flag.ContinueOnError)
	f.StringVar(&o.issuer, "issuer", "", "of the authorization server; none: one that runs in this process")
	f.StringVar(&o.id, "id", "", "of the client; its secret is in OAUTH_CLIENT_SECRET")
	f.StringVar(&o.scope, "scope", "", "what to ask for, separated by spaces")
	f.StringVar(&o.api, "api", "", "the URL to get")
	f.StringVar(&o.file, "file", "", "of the token; none: in the configuration of the user")
	f.BoolVar(&o.neverAsk, "never-ask", false, "make do with the token in the file")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.issuer != "" && (o.id == "" || o.secret == "" || o.api == "") {
		return nil, errors.New("with -issuer it needs -id, -api and OAUTH_CLIENT_SECRET")
	}
	return o, nil
}

// serve starts a server of our own. Its tokens end with it, and so does the
// file.
func (o *options) serve() (end func(), err error) {
	dir, err := os.MkdirTemp("", "cli")
	if err != nil {
		return nil, err
	}
	server, err := authserver.Start(authserver.Config{})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	o.issuer, o.id, o.secret, o.scope, o.api = server.Issuer(), "worker", "worker-secret", "read", server.Issuer()+"/api/orders"
	o.file = filepath.Join(dir, "token.json")
	return func() { _, _ = server.Close(), os.RemoveAll(dir) }, nil
}
