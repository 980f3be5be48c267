// Agent calls an API that it knows by its address alone. The API says where to
// sign in; the agent registers there, opens a browser, and keeps the sign-in
// for all copies of itself and for its next runs.
//
//	go run ./agent https://api.example.com/mcp
//	go run ./agent -for 1m https://api.example.com/mcp     calls it again and again
//	go run ./agent -sign-out https://api.example.com/mcp
//
// Without an address it starts an API and an authorization server of its own,
// which rotates refresh tokens and ends a sign-in when one comes back, and then
// ten copies of itself at once, one more, and a sign-out:
//
//	go run ./agent
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"time"

	"github.com/oauth2grant/go-oauth2grant/contrib/apiauth"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(1)
	}
}

type options struct {
	folder         string
	inside, agree  bool
	signOut        bool
	lasting, every time.Duration
	api            string
}

func run(ctx context.Context, out io.Writer, args []string) error {
	var o options
	f := flag.NewFlagSet("agent", flag.ContinueOnError)
	f.StringVar(&o.folder, "folder", "oauth2grant-agent",
		"where the sign-in is kept: a path, or a name below the user's configuration")
	f.BoolVar(&o.inside, "inside", false, "the API is inside this machine or network, and trusted to name others there")
	f.BoolVar(&o.agree, "agree", false, "for the own server: sign in as alice, without a browser")
	f.BoolVar(&o.signOut, "sign-out", false, "end the sign-in")
	f.DurationVar(&o.lasting, "for", 0, "call the API again and again for so long")
	f.DurationVar(&o.every, "every", 100*time.Millisecond, "how often")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.api = f.Arg(0); o.api == "" {
		return demonstrate(ctx, out)
	}
	return o.work(ctx, out)
}

// work is what an agent does: all that it needs for signing in is here.
func (o options) work(ctx context.Context, out io.Writer) error {
	flow := oauth2grant.AuthCode{}
	if o.agree {
		flow.Open = agree
	}
	auth, err := apiauth.New(ctx, o.api, apiauth.Config{
		Name:        "Example Agent",
		Store:       apiauth.Files(o.folder),
		Flow:        flow,
		AllowInside: o.inside,
	})
	if err != nil {
		return err
	}
	defer auth.Close()
	if o.signOut {
		return auth.SignOut(ctx, "")
	}
	calls := 0
	for end := time.Now().Add(o.lasting); ; {
		if err := call(ctx, auth.HTTPClient(), o.api); err != nil {
			return err
		}
		if calls++; time.Now().After(end) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(o.every):
		}
	}
	_, err = fmt.Fprintf(out, "%d calls\n", calls)
	return err
}

func call(ctx context.Context, hc *http.Client, api string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, api, nil)
	if err != nil {
		return err
	}
	res, err := hc.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answers %s", res.Status)
	}
	return nil
}

// agree is a browser, and a person who agrees.
func agree(ctx context.Context, authURL string) error {
	u, err := url.Parse(authURL)
	if err != nil {
		return err
	}
	q := u.Query()
	q.Set("login_hint", "auto:alice")
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	http.DefaultClient.CloseIdleConnections()
	return res.Body.Close()
}
