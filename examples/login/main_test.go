package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// person returns an AuthCode.Open that goes through the sign-in with those
// parameters added.
func person(opened *int, params url.Values) func(context.Context, string) error {
	return func(ctx context.Context, address string) error {
		*opened++
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"&"+params.Encode(),
			strings.NewReader(params.Encode()))
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
}

var alice = url.Values{"login_hint": {"auto:alice"}}

func TestRun_WithoutSetUpSaysWhoSignedInAndWhatTheAPIAnswers(t *testing.T) {
	var out bytes.Buffer
	opened := 0
	if err := run(t.Context(), &out, func(string) string { return "" }, person(&opened, alice)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"signed in as alice", "200 OK", "teapot"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
	if opened != 1 {
		t.Errorf("a browser was opened %d times", opened)
	}
}

func TestRun_TheSecondNeedsNoBrowser(t *testing.T) {
	server, err := authserver.Start(authserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	env := map[string]string{
		"OAUTH_ISSUER": server.Issuer(), "OAUTH_CLIENT_ID": "native", "OAUTH_SCOPE": "openid offline_access read",
		"API_URL": server.Issuer() + "/api/orders", "TOKEN_FILE": filepath.Join(t.TempDir(), "private", "token.json"),
	}
	opened := 0
	for range 2 {
		var out bytes.Buffer
		err := run(t.Context(), &out, func(name string) string { return env[name] }, person(&opened, alice))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "signed in as alice") {
			t.Errorf("the output is\n%s", &out)
		}
	}
	if opened != 1 || server.Count("/token") != 1 {
		t.Errorf("a browser was opened %d times, and %d tokens were asked for", opened, server.Count("/token"))
	}
}

func TestRun_ARefusalIsReported(t *testing.T) {
	var out bytes.Buffer
	opened := 0
	err := run(t.Context(), &out, func(string) string { return "" }, person(&opened, url.Values{"deny": {"1"}}))
	if err == nil || errors.Is(err, context.Canceled) || strings.Contains(out.String(), "signed in") {
		t.Errorf("got %v\n%s", err, &out)
	}
}

func TestRun_RefusesAnIncompleteEnvironment(t *testing.T) {
	opened := 0
	err := run(t.Context(), &bytes.Buffer{}, func(name string) string {
		return map[string]string{"OAUTH_ISSUER": "https://login.example.test"}[name]
	}, person(&opened, alice))
	if err == nil || opened != 0 {
		t.Errorf("got %v, and a browser %d times", err, opened)
	}
}
