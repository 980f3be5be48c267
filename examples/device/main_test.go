package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/contrib/terminalprompt"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func noEnvironment(string) string { return "" }

// follow goes to the page for the device, with parameters added.
func follow(ctx context.Context, p oauth2grant.DevicePrompt, params string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.VerificationURIComplete,
		strings.NewReader("user_code="+p.UserCode+"&"+params))
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

func TestRun_ThePersonIsShownTheCodeAndTheAPIAnswersInTheirName(t *testing.T) {
	var out bytes.Buffer
	var shown oauth2grant.DevicePrompt
	err := run(t.Context(), &out, noEnvironment, func(ctx context.Context, p oauth2grant.DevicePrompt) error {
		shown = p
		return errors.Join(terminalprompt.QR(&out)(ctx, p), follow(ctx, p, "login_hint=auto:alice"))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{shown.UserCode, shown.VerificationURI, "200 OK", `"user":"alice"`, "teapot"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, &out)
		}
	}
	if shown.Expiry.Before(time.Now()) {
		t.Errorf("the code expired at %v", shown.Expiry)
	}
}

func TestRun_ARefusalEndsTheWait(t *testing.T) {
	var out bytes.Buffer
	err := run(t.Context(), &out, noEnvironment, func(ctx context.Context, p oauth2grant.DevicePrompt) error {
		return follow(ctx, p, "deny=1")
	})
	if err == nil || strings.Contains(out.String(), "answers") {
		t.Errorf("got %v\n%s", err, &out)
	}
}

func TestRun_AnInterruptEndsTheWait(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	err := run(ctx, &bytes.Buffer{}, noEnvironment, func(context.Context, oauth2grant.DevicePrompt) error {
		interrupt()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
