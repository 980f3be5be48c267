package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// TestMain is main itself in the processes that the tests start.
func TestMain(m *testing.M) {
	if os.Getenv("CLI_TEST_MAIN") != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// newProgram returns the program with a server of its own, and what it prints.
func newProgram(t *testing.T, cfg authserver.Config) (*program, *authserver.Server, *bytes.Buffer) {
	t.Helper()
	server, err := authserver.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	t.Setenv("SSH_CONNECTION", "")
	out := new(bytes.Buffer)
	folder := filepath.Join(t.TempDir(), "private")
	p := &program{
		settings: settingsFor(server, folder), in: strings.NewReader(""), out: out, err: io.Discard, open: visit,
	}
	return p, server, out
}

// mustRun runs a command and returns what it printed.
func (p *program) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out := p.out.(*bytes.Buffer)
	out.Reset()
	if err := p.run(t.Context(), args); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out.String()
}

func TestProgram_SignsInOnceAndOut(t *testing.T) {
	p, server, _ := newProgram(t, authserver.Config{})
	got := p.mustRun(t, "login", "-store", "file")
	if !strings.Contains(got, "signed in as alice") || !strings.Contains(got, "in the file") {
		t.Errorf("login says %q", got)
	}
	p.open = func(context.Context, string) error { return errors.New("a browser was opened again") }
	for _, c := range []struct{ command, want string }{{"whoami", "alice"}, {"get", "teapot"}, {"login", "alice"}} {
		if got := p.mustRun(t, c.command); !strings.Contains(got, c.want) {
			t.Errorf("%s says %q", c.command, got)
		}
	}
	if got := server.Count("/token"); got != 1 {
		t.Errorf("%d token requests, want 1", got)
	}
	err := p.run(t.Context(), []string{"login", "-store", "keyring"})
	if err == nil || !strings.Contains(err.Error(), "logout") {
		t.Errorf("another store while signed in: %v", err)
	}
	p.mustRun(t, "logout")
	err = p.run(t.Context(), []string{"whoami"})
	if exitCode(err) != 3 || !strings.Contains(sentence(err), "orders login") {
		t.Errorf("after the sign-out: %v, %d", err, exitCode(err))
	}
}

func TestLogin_ByPasting(t *testing.T) {
	p, _, _ := newProgram(t, authserver.Config{})
	terminal, person := io.Pipe()
	p.in = terminal
	p.open = func(ctx context.Context, address string) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"&login_hint=auto:alice", nil)
		if err != nil {
			return err
		}
		browser := http.Client{ // on another machine: it can't reach the port
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		res, err := browser.Do(req)
		if err != nil {
			return err
		}
		go func() { _, _ = io.WriteString(person, res.Header.Get("Location")+"\n") }()
		return res.Body.Close()
	}
	if got := p.mustRun(t, "login", "-by", "paste", "-store", "file"); !strings.Contains(got, "signed in as alice") {
		t.Errorf("login says %q", got)
	}
}

func TestLogin_OnAnotherDevice(t *testing.T) {
	p, _, _ := newProgram(t, authserver.Config{DeviceInterval: time.Second})
	p.prompt = func(ctx context.Context, prompt oauth2grant.DevicePrompt) error {
		form := strings.NewReader("user_code=" + prompt.UserCode + "&login_hint=auto:alice")
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, prompt.VerificationURIComplete, form)
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			return err
		}
		return res.Body.Close()
	}
	t.Setenv("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")
	if got := p.mustRun(t, "login", "-store", "file"); !strings.Contains(got, "signed in as alice") {
		t.Errorf("login says %q", got)
	}
}

func TestGet_TenCopiesAtOnceMakeOneTokenRequest(t *testing.T) {
	p, server, _ := newProgram(t, authserver.Config{TokenDelay: 100 * time.Millisecond})
	p.mustRun(t, "login", "-store", "file")
	expire(t, filepath.Join(p.folder, "token.json"))
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	before := server.Count("/token")
	var copies sync.WaitGroup
	for range 10 {
		copies.Go(func() {
			cmd := exec.CommandContext(t.Context(), binary, "get")
			cmd.Env = append(os.Environ(), "CLI_TEST_MAIN=1", "GORACE=atexit_sleep_ms=0", "ORDERS_ISSUER="+p.issuer,
				"ORDERS_CLIENT_ID="+p.id, "ORDERS_API="+p.api, "ORDERS_FOLDER="+p.folder)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "teapot") {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	copies.Wait()
	if got := server.Count("/token") - before; got != 1 {
		t.Errorf("%d token requests, want 1", got)
	}
}

// expire leaves the refresh token alone in the file.
func expire(t *testing.T, path string) {
	t.Helper()
	store, err := filestore.Open(filestore.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	token, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Save(t.Context(), oauth2grant.Token{RefreshToken: token.RefreshToken}); err != nil {
		t.Fatal(err)
	}
}

func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	p := &program{in: strings.NewReader(""), out: &out, err: io.Discard}
	if err := p.run(t.Context(), nil); err != nil || !strings.Contains(out.String(), "signed out") {
		t.Errorf("%v: %s", err, &out)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("it left %v, %v", left, err)
	}
}

func TestSentence(t *testing.T) {
	for _, known := range sentences {
		if got := sentence(errors.Join(errors.New("x"), known.err)); got != known.text {
			t.Errorf("%v: %q", known.err, got)
		}
	}
	if got := sentence(errors.New("the disk is full")); got != "the disk is full" {
		t.Errorf("got %q", got)
	}
	p, _, _ := newProgram(t, authserver.Config{})
	for _, args := range [][]string{{}, {"dance"}, {"login", "-by", "horse"}, {"login", "-store", "shoe"}} {
		if code := exitCode(p.run(t.Context(), args)); code != 2 {
			t.Errorf("%v: exit code %d", args, code)
		}
	}
}
