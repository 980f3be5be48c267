package terminalprompt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/oauth2grant/go-oauth2grant/contrib/terminalprompt"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestPaste_ReadsLineByLine(t *testing.T) {
	var out bytes.Buffer
	paste := terminalprompt.Paste(strings.NewReader("  one \r\ntwo\n\nlast"), &out)
	for _, want := range []string{"one", "two", "", "last"} {
		if got, err := paste(t.Context()); got != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := paste(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
	if n := strings.Count(out.String(), "another machine"); n != 5 {
		t.Errorf("asked %d times", n)
	}
}

func TestPaste_LeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		terminal, keys := io.Pipe()
		paste := terminalprompt.Paste(terminal, io.Discard)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 2)
		for range 2 { // one reads, one waits for its turn
			go func() {
				_, err := paste(ctx)
				left <- err
			}()
		}
		synctest.Wait()
		cancel()
		for range 2 {
			if err := <-left; !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		}
		go func() { _, _ = io.WriteString(keys, "late\n") }()
		if got, err := paste(t.Context()); got != "late" || err != nil {
			t.Errorf("the next sign-in got %q, %v", got, err)
		}
	})
}

func TestPaste_TheErrorOfTheWriterIsReturned(t *testing.T) {
	closed, err := os.Open(os.DevNull) // for reading
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	if _, err := terminalprompt.Paste(strings.NewReader("x\n"), closed)(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestPaste_SaysWhyItAsksAgain(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: srv.Issuer()}, Auth: oauth2grant.Public("native"),
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	terminal, keys := io.Pipe()
	defer func() { _ = keys.Close() }()
	token, err := oauth2grant.AuthCode{
		Open: func(_ context.Context, authURL string) error {
			callback, err := srv.Approve(authURL, "alice")
			go func() {
				_, _ = io.WriteString(keys, "\nhello?\nhttp://127.0.0.1/callback?code=C&state=old\n"+callback+"\n")
			}()
			return err
		},
		Paste: terminalprompt.Paste(terminal, &out),
	}.Run(t.Context(), client)
	if err != nil || token.AccessToken == "" {
		t.Fatalf("got %v, %v", token, err)
	}
	said := strings.Split(strings.TrimSpace(out.String()), "\n> ")
	for i, want := range []string{
		"If your browser is on another machine", "Please paste", "not the whole address", "another sign-in",
	} {
		if i >= len(said) || !strings.Contains(said[i], want) {
			t.Errorf("invitation %d lacks %q in %q", i, want, said)
		}
	}
}

func ExamplePaste() {
	flow := oauth2grant.AuthCode{Paste: terminalprompt.Paste(os.Stdin, os.Stderr)}
	grant, err := oauth2grant.New(context.Background(), flow, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:   oauth2grant.Public("mytool"),
	})
	if err != nil {
		return
	}
	defer grant.Close()
}
