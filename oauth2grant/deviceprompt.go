package oauth2grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/wire"
)

// DevicePrompt is what the person needs: to open VerificationURI and enter
// UserCode, or to open VerificationURIComplete, before Expiry.
//
// Everything in it has been checked, and can be shown in a terminal and opened
// as it is: UserCode has printable characters only, at most 64, and does not
// begin with a dash. The addresses are https, or http on this machine, in plain
// ASCII, and name no user.
type DevicePrompt struct {
	UserCode        string
	VerificationURI string

	// VerificationURIComplete has the code in it. It is empty where the server
	// sent none that can be used.
	VerificationURIComplete string

	// Expiry is when the code, or [DeviceCode.Timeout], ends, by the wall
	// clock. It is for the person: a clock that is set ends no sign-in.
	Expiry time.Time
}

// deviceAnswer is that of RFC 8628 §3.2, with the other spelling that some
// servers have.
type deviceAnswer struct {
	DeviceCode              string      `json:"device_code"`
	UserCode                string      `json:"user_code"`
	VerificationURI         string      `json:"verification_uri"`
	VerificationURL         string      `json:"verification_url"`
	VerificationURIComplete string      `json:"verification_uri_complete"`
	ExpiresIn               wire.Number `json:"expires_in"`
	Interval                wire.Number `json:"interval"`
}

// prompt returns what the person is shown, if all of it can be.
func (a deviceAnswer) prompt(expiry time.Time, insecure bool) (DevicePrompt, error) {
	if a.VerificationURI == "" {
		a.VerificationURI = a.VerificationURL
	}
	if a.DeviceCode == "" || a.UserCode == "" || a.VerificationURI == "" {
		return DevicePrompt{}, refuse(OpDeviceAuthorization,
			"the answer lacks device_code, user_code or verification_uri")
	}
	if !isUserCode(a.UserCode) {
		return DevicePrompt{}, refuse(OpDeviceAuthorization,
			"the user_code %q is not one that a person could be shown", printable(a.UserCode))
	}
	if err := checkShown(a.VerificationURI, insecure); err != nil {
		return DevicePrompt{}, refuse(OpDeviceAuthorization, "the verification_uri %w", err)
	}
	if checkShown(a.VerificationURIComplete, insecure) != nil {
		a.VerificationURIComplete = "" // the person can do without
	}
	return DevicePrompt{
		UserCode: a.UserCode, VerificationURI: a.VerificationURI, VerificationURIComplete: a.VerificationURIComplete,
		Expiry: expiry,
	}, nil
}

// lifetime returns how long the code is good.
func (a deviceAnswer) lifetime() time.Duration {
	return cmp.Or(saneLifetime(int64(a.ExpiresIn)), defaultDeviceLifetime)
}

// interval returns the time between polls. One that no person would wait for is
// a mistake, such as milliseconds.
func (a deviceAnswer) interval() time.Duration {
	interval := cmp.Or(saneLifetime(int64(a.Interval)), defaultDeviceInterval)
	return min(interval, longestPollPause)
}

func isUserCode(code string) bool {
	const longest = 64
	return len(code) <= longest && !strings.HasPrefix(code, "-") && strings.TrimSpace(code) != "" &&
		!strings.ContainsFunc(code, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar })
}

// checkShown refuses an address that must not be shown to a person, or handed
// to a browser.
func checkShown(address string, insecure bool) error {
	if !isPlainASCII(address) {
		return errors.New("has characters that no URL has")
	}
	_, err := checkURL(address, insecure)
	return err
}

func promptOnStandardError(_ context.Context, p DevicePrompt) error {
	fmt.Fprintf(os.Stderr, "To sign in, open %s and enter the code %s\n", p.VerificationURI, p.UserCode)
	if p.VerificationURIComplete != "" {
		fmt.Fprintf(os.Stderr, "or open %s\n", p.VerificationURIComplete)
	}
	return nil
}
