package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

// FuzzSource shows any source whatever it may be answered: what it accepts is
// one word, and what it does not accept is not in the error.
func FuzzSource(f *testing.F) {
	f.Add(lasting(time.Hour))
	f.Add(jwt(map[string]any{"exp": 1e300, "iat": "now", "nbf": nil}))
	f.Add("eyJ..")
	f.Add("<html>")
	f.Fuzz(func(t *testing.T, content string) {
		e := identity.Endpoint{URL: "https://h.example", HTTPClient: (&answers{body: content}).client()}
		got, err := identity.URL(e)(t.Context())
		switch {
		case err == nil && (got == "" || len(got) > 64<<10 || strings.ContainsAny(got, " \t\r\n\x00")):
			t.Errorf("accepted %q", got)
		case err != nil && len(content) > 100 && strings.Contains(err.Error(), content):
			t.Errorf("shows %q", content)
		}
	})
}
