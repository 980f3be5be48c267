package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

// settings are what a real command has built in:
//
//	ORDERS_ISSUER     https://login.example.com
//	ORDERS_CLIENT_ID  of a public client whose redirect URI is
//	                  http://127.0.0.1/callback, on any port (RFC 8252 §7.3)
//	ORDERS_SCOPE      openid offline_access orders.read
//	ORDERS_API        https://api.example.com/orders
//	ORDERS_FOLDER     of its own; <configuration of the user>/orders if not set
type settings struct {
	issuer, id, api, folder string
	scopes                  []string
}

func settingsFrom(getenv func(string) string) settings {
	config, _ := os.UserConfigDir() // without one, ORDERS_FOLDER is needed
	return settings{
		issuer: getenv("ORDERS_ISSUER"), id: getenv("ORDERS_CLIENT_ID"), api: getenv("ORDERS_API"),
		scopes: strings.Fields(getenv("ORDERS_SCOPE")),
		folder: cmp.Or(getenv("ORDERS_FOLDER"), filepath.Join(config, name)),
	}
}

// settingsFor returns the settings for a server of our own.
func settingsFor(server *authserver.Server, folder string) settings {
	return settings{
		issuer: server.Issuer(), id: "native", api: server.Issuer() + "/api/orders", folder: folder,
		scopes: []string{"openid", "offline_access", "read"},
	}
}

// demo runs every command on a server of our own, where alice signs in by
// herself. Its tokens end with it, and so does the folder.
func (p *program) demo(ctx context.Context) (err error) {
	folder, err := os.MkdirTemp("", name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	server, err := authserver.Start(authserver.Config{})
	if err != nil {
		return err
	}
	defer server.Close()
	p.settings, p.open = settingsFor(server, folder), visit
	for _, args := range [][]string{{"login", "-by", "browser", "-store", inFile}, {"whoami"}, {"get"}, {"logout"}} {
		fmt.Fprintln(p.out, "$", name, strings.Join(args, " "))
		if err := p.run(ctx, args); err != nil {
			return err
		}
	}
	return nil
}

// visit is alice's browser: it goes where the sign-in leads.
func visit(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"&login_hint=auto:alice", nil)
	if err != nil {
		return err
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
