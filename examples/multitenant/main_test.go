package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func at(url string) func(string) string {
	return func(name string) string { return map[string]string{"DATABASE_URL": url}[name] }
}

func TestRun_ServesUsersThroughFewGrantsAndLeavesTheDatabaseAsItWas(t *testing.T) {
	postgres := testservers.StartPostgres(t)
	var out bytes.Buffer
	if err := run(t.Context(), &out, at(postgres.URL()),
		[]string{"-users", "60", "-live", "20", "-for", "2s"}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	t.Logf("\n%s", &out)

	conn, err := pgx.Connect(t.Context(), postgres.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var left int
	const ours = `SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'multitenant%'`
	if err := conn.QueryRow(t.Context(), ours).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d schemas are left, %v", left, err)
	}
}

func TestRun_ServesWithADatabaseOfItsOwnUntilItIsInterrupted(t *testing.T) {
	if _, err := programFolder(initdb...); err != nil {
		testservers.Missing(t, "PostgreSQL", "postgres")
	}
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, in, at(""), []string{"-users", "3", "-listen", "127.0.0.1:0"})
		_ = in.Close()
		ended <- err
	}()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		url, ok := strings.CutPrefix(lines.Text(), "serving ")
		if !ok {
			continue
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if user, err := ask(ctx, client, strings.Replace(url, "user-0", "user-2", 1)); err != nil || user != "user-2" {
			t.Errorf("got the orders of %q, %v", user, err)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.Replace(url, "user-0", "nobody", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		if res, err := client.Do(req); err != nil {
			t.Error(err)
		} else if res.Body.Close(); res.StatusCode != http.StatusUnauthorized {
			t.Errorf("nobody was answered %s", res.Status)
		}
		interrupt()
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRun_ReportsProgramsThatAreNowhere(t *testing.T) {
	t.Setenv("PATH", "")
	if _, err := programFolder("initdb", filepath.Join(t.TempDir(), "*", "initdb")); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestJudge(t *testing.T) {
	good := figures{requests: 1000, served: 200, tokenRequests: 200, opened: 700, mostLive: 64, maxLive: 64}
	for name, c := range map[string]struct {
		spoil func(*figures)
		off   bool
	}{
		"good figures pass":                  {func(*figures) {}, false},
		"the orders of another user are off": {func(f *figures) { f.wrong = 1 }, true},
		"a failed request is off": {
			func(f *figures) { f.failed, f.firstFailure = 1, io.ErrUnexpectedEOF }, true,
		},
		"a token request too many is off":         {func(f *figures) { f.tokenRequests++ }, true},
		"a refresh token that comes twice is off": {func(f *figures) { f.reused = 1 }, true},
		"a grant too many is off":                 {func(f *figures) { f.mostLive++ }, true},
		"nobody served is off":                    {func(f *figures) { f.served, f.tokenRequests = 0, 0 }, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := good
			c.spoil(&f)
			if err := f.judge(); (err != nil) != c.off {
				t.Errorf("judge: %v", err)
			}
		})
	}
}
