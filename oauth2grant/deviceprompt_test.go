package oauth2grant_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

var errSeen = errors.New("the prompt was shown")

// shown runs a device sign-in up to its prompt, against a server whose device
// answer is changed by edit.
func shown(
	t *testing.T, flow oauth2grant.DeviceCode, edit func(answer map[string]any),
) (*oauth2grant.DevicePrompt, error) {
	t.Helper()
	srv := granttest.New(granttest.Config{})
	srv.Script(granttest.DeviceAuthorization, granttest.Fault{Edit: edit})
	var seen *oauth2grant.DevicePrompt
	flow.Prompt = func(_ context.Context, p oauth2grant.DevicePrompt) error {
		seen = &p
		return errSeen
	}
	_, err := flow.Run(t.Context(), newClient(t, deviceConfig(srv)))
	return seen, err
}

// hostileAddresses must reach neither a terminal nor a browser.
var hostileAddresses = map[string]string{
	"a script":            "javascript:alert(1)",
	"a file":              "file:///etc/passwd",
	"data":                "data:text/html,<script>",
	"an option":           "--gpu-launcher=calc",
	"an option with host": "-https://as.example/",
	"no scheme":           "as.example/device",
	"no host":             "https:///device",
	"plain http":          "http://as.example/device",
	"a user":              "https://bank.example@evil.example/",
	"an escape sequence":  "https://as.example/\x1b]0;owned\x07",
	"a line break":        "https://as.example/\nrm -rf ~",
	"a space":             "https://as.example/ --flag",
	"a quotation mark":    `https://as.example/"&calc&"`,
	"a backquote":         "https://as.example/`id`",
	"bidi":                "https://as.example/\u202egpj.exe",
	"a zero width space":  "https://as.exa\u200bmple/",
	"a look-alike":        "https://аs.example/", // Cyrillic
	"another protocol":    "ms-settings:network",
	"a fragment":          "https://as.example/#x",
	"not UTF-8":           "https://as.example/\xff",
}

func TestDevicePrompt_HostileAddresses(t *testing.T) {
	for name, address := range hostileAddresses {
		t.Run(name, func(t *testing.T) {
			seen, err := shown(t, oauth2grant.DeviceCode{}, func(m map[string]any) { m["verification_uri"] = address })
			if seen != nil || err == nil || errors.Is(err, errSeen) {
				t.Errorf("the person is shown %+v", seen)
			} else if oauth2grant.IsTransient(err) || strings.ContainsAny(err.Error(), "\x1b\n\u202e") {
				t.Errorf("the error is %q", err)
			}
			seen, err = shown(t, oauth2grant.DeviceCode{}, func(m map[string]any) {
				m["verification_uri_complete"] = address
			})
			if !errors.Is(err, errSeen) || seen.VerificationURIComplete != "" || seen.VerificationURI == "" {
				t.Errorf("as the complete address: %+v, %v; want the prompt without it", seen, err)
			}
		})
	}
}

func TestDevicePrompt_Addresses(t *testing.T) {
	for _, address := range []string{
		"https://as.example/device", "https://as.example:8443/device?user_code=AB%20CD", "http://127.0.0.1:9000/device",
		"http://localhost/d", "https://xn--bcher-kva.example/",
	} {
		seen, err := shown(t, oauth2grant.DeviceCode{}, func(m map[string]any) {
			m["verification_uri"], m["verification_uri_complete"] = address, address
		})
		if !errors.Is(err, errSeen) || seen.VerificationURI != address || seen.VerificationURIComplete != address {
			t.Errorf("%s: %+v, %v", address, seen, err)
		}
	}
}

func TestDevicePrompt_UserCodes(t *testing.T) {
	for code, ok := range map[string]bool{
		"ABCD-EFGH": true, "123 456 789": true, "wdjb-mjht": true, "éàü": true, strings.Repeat("x", 64): true,
		"": false, " ": false, "--help": false, "-rf": false, "AB\x1b[2JCD": false, "AB\nCD": false,
		"AB\u202eCD": false, "AB\u200bCD": false,
		"AB\x00CD": false, "\u2066AB": false, "AB\ufffd": false, strings.Repeat("x", 65): false,
	} {
		seen, err := shown(t, oauth2grant.DeviceCode{}, func(m map[string]any) { m["user_code"] = code })
		if errors.Is(err, errSeen) != ok || ok && seen.UserCode != code {
			t.Errorf("%q: %v, want it shown: %v", code, err, ok)
		}
	}
}

func TestDevicePrompt_Expiry(t *testing.T) {
	for _, c := range []struct {
		name      string
		expiresIn any
		timeout   time.Duration
		want      time.Duration
	}{
		{"as the server says", 900, 0, 15 * time.Minute},
		{"as a string", "900", 0, 15 * time.Minute},
		{"a day", 86400, 0, time.Hour},
		{"ten years", 315360000, 0, time.Hour},
		{"a thousand years", 31536000000, 0, 10 * time.Minute},
		{"nothing", nil, 0, 10 * time.Minute},
		{"negative", -1, 0, 10 * time.Minute},
		{"below the Timeout", 900, 24 * time.Hour, 15 * time.Minute},
		{"above the Timeout", 900, time.Minute, time.Minute},
		{"a day, as wished", 86400, 48 * time.Hour, 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				seen, err := shown(t, oauth2grant.DeviceCode{Timeout: c.timeout}, func(m map[string]any) {
					m["expires_in"] = c.expiresIn
				})
				if !errors.Is(err, errSeen) || seen.Expiry.Sub(start) != c.want {
					t.Errorf("got %+v, %v, want it to end after %v", seen, err, c.want)
				}
			})
		})
	}
}
