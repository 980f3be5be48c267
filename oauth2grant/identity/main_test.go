package identity_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

func TestMain(m *testing.M) {
	if do := os.Getenv("IDENTITY_TEST_COMMAND"); do != "" {
		command(do, os.Args[1:])
		return
	}
	goleak.VerifyTestMain(m)
}

// jwt makes what has the form of a JWT, with a signature that nobody verifies.
func jwt(claims map[string]any) string {
	signature := make([]byte, 64)
	_, _ = rand.Read(signature)
	body, _ := json.Marshal(claims)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"ES256"}`)) + "." + encode(body) + "." + encode(signature)
}

// lasting makes a JWT that lives for d.
func lasting(d time.Duration) string {
	return jwt(map[string]any{"exp": time.Now().Add(d).Unix(), "iat": time.Now().Unix()})
}

func get(t testing.TB, s identity.Source) string {
	t.Helper()
	got, err := s(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// wantError asserts that s fails, with all of the texts and without any secret.
func wantError(t testing.TB, s identity.Source, texts ...string) {
	t.Helper()
	got, err := s(t.Context())
	if err == nil || got != "" {
		t.Fatalf("got %q, %v", got, err)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %q: %v", text, err)
		}
	}
	if strings.Contains(err.Error(), "MARK") {
		t.Errorf("the error shows a secret: %v", err)
	}
}

// bad is what no source accepts, and what the error then says.
var bad = map[string]struct {
	content func() string
	want    string
}{
	"nothing":        {func() string { return " \n" }, "empty"},
	"a page":         {func() string { return "<!doctype html>\n<title>MARK</title>" }, "no assertion"},
	"two words":      {func() string { return "MARK MARK" }, "no assertion"},
	"bytes":          {func() string { return "MARK\x00\xff" }, "no assertion"},
	"something huge": {func() string { return strings.Repeat("MARK", 64<<8+1) }, "64 KiB"},
	"half a JWT":     {func() string { return lasting(time.Hour)[:60] }, "not a whole one"},
	"a JWT without its end": {
		func() string { return strings.TrimSuffix(lasting(time.Hour), "A")[:150] },
		"not a whole one",
	},
	"a JWT that is no JSON": {func() string { return "eyJNQVJL.eyJNQVJL.eyJNQVJL" }, "not a whole one"},
	"an expired JWT":        {func() string { return lasting(-time.Hour) }, "ago by this machine's clock"},
	"a JWT from the future": {
		func() string { return jwt(map[string]any{"iat": time.Now().Add(time.Hour).Unix()}) },
		"set the clock",
	},
	"a JWT for the future": {
		func() string { return jwt(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}) },
		"set the clock",
	},
}

// good is what every source accepts.
var good = map[string]func() string{
	"a JWT":                func() string { return lasting(time.Hour) },
	"a JWT without times":  func() string { return jwt(map[string]any{"sub": "x"}) },
	"a JWT with odd times": func() string { return jwt(map[string]any{"exp": 1e300, "iat": -1, "nbf": 1.5}) },
	"an encrypted JWT":     func() string { return "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn" },
	"something opaque":     func() string { return "opaque+/=" },
	"something SAML":       func() string { return "PHNhbWw-" },
}
