package oauth2grant_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// argumentOfTheBrowser has a script stand for the command that opens a browser,
// and returns what that is given once it is run.
func argumentOfTheBrowser(t *testing.T) <-chan string {
	t.Helper()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\nprintf %s \"$1\" > " + pipe + "\n"
	if err := os.WriteFile(filepath.Join(dir, "xdg-open"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	given := make(chan string, 1)
	go func() {
		text, err := os.ReadFile(pipe) // waits for the script
		if err != nil {
			t.Error(err)
		}
		given <- string(text)
	}()
	return given
}

func TestAuthCode_BrowserCommandSeesNoState(t *testing.T) {
	waits := func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }
	for _, c := range []struct {
		name   string
		flow   oauth2grant.AuthCode
		hidden bool
	}{
		{"by default", oauth2grant.AuthCode{}, true},
		{"where pasting is offered", oauth2grant.AuthCode{Paste: waits}, false},
		{
			"with a registered redirect URI", oauth2grant.AuthCode{Callback: callbackserver.Config{
				RedirectURI: "https://app.example/callback",
			}}, false,
		},
		{
			"in a container",
			oauth2grant.AuthCode{Callback: callbackserver.Config{Addr: "0.0.0.0", AllowNonLoopback: true}},
			false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv, cfg := signInServer(t, granttest.Config{})
			given := argumentOfTheBrowser(t)
			c.flow.Timeout = time.Minute
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			client := newClient(t, cfg)
			go func() {
				_, err := c.flow.Run(ctx, client)
				done <- err
			}()
			link := <-given
			hidden := !strings.Contains(link, "state=") && !strings.Contains(link, "code_challenge=")
			if hidden != c.hidden {
				t.Errorf("the command is given %s", link)
			}
			if !c.hidden {
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("got %v after the caller has left", err)
				}
				return
			}
			// The browser follows the link, the person signs in, and nobody can
			// follow it again.
			authURL := redirectOf(t, link)
			if err := approve(srv)(t.Context(), authURL); err != nil {
				t.Error(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// redirectOf returns where a link leads, and follows it no further.
func redirectOf(t *testing.T, link string) string {
	t.Helper()
	hc := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := hc.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("the link got %s", res.Status)
	}
	return res.Header.Get("Location")
}
