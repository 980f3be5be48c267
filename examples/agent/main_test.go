package main

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is main itself in the copies that the demonstration starts.
func TestMain(m *testing.M) {
	if os.Getenv(copyVariable) != "" {
		main()
		os.Exit(0)
	}
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	goleak.VerifyTestMain(m)
}

func TestAgent_CopiesShareOneSignIn(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, nil); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	t.Logf("\n%s", &out)
	for _, want := range []string{
		`(?m)^ten copies at once: \d{3,} calls, 1 registrations, 1 sign-ins, \d+ token requests, 0 of them refused,` +
			` 0 revocations$`,
		`(?m)^a restart: \d calls, 0 registrations, 0 sign-ins, [01] token requests, 0 of them refused, 0 revocations$`,
		`(?m)^a sign-out: 0 calls, 0 registrations, 0 sign-ins, 0 token requests, 0 of them refused, [12] revocations$`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no line is like %s", want)
		}
	}
}

func TestAgent_RefusesAnAddressThatIsNone(t *testing.T) {
	if err := run(t.Context(), &bytes.Buffer{}, []string{"-folder", t.TempDir(), "api.example"}); err == nil {
		t.Error("it went on")
	}
}
