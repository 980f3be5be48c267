// Package terminalprompt has a person sign in from a terminal: with a phone by
// [QR], or with a browser on another machine by [Paste].
package terminalprompt

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"unicode"

	"github.com/mdp/qrterminal/v3"
	"rsc.io/qr"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// QR returns an [oauth2grant.DeviceCode.Prompt] that writes to w, a terminal
// that knows UTF-8 and colours, the verification address, the user code and a
// QR code of the complete address (RFC 8628 §3.3.1), for a phone.
//
// The words alone do where the server sent no complete address, or one that is
// no plain http or https URL or too long for a QR code. What the server sent is
// written without control characters. Each prompt is one Write, and prompts of
// one func wait for each other. The error is that of w.
func QR(w io.Writer) func(context.Context, oauth2grant.DevicePrompt) error {
	var mu sync.Mutex
	return func(_ context.Context, p oauth2grant.DevicePrompt) error {
		var b bytes.Buffer
		fmt.Fprintf(&b,
			"To sign in, open %s\nand enter the code %s\n", printable(p.VerificationURI), printable(p.UserCode))
		if drawing := draw(p.VerificationURIComplete); drawing != "" {
			fmt.Fprintf(&b, "\nor scan this, which also has the code:\n\n%s", drawing)
		}
		if complete := printable(p.VerificationURIComplete); complete != "" {
			fmt.Fprintf(&b, "\nor open %s\n", complete)
		}
		if !p.Expiry.IsZero() {
			fmt.Fprintf(&b, "\nThe code is good until %s.\n", p.Expiry.Local().Format("15:04:05"))
		}
		mu.Lock()
		defer mu.Unlock()
		_, err := w.Write(b.Bytes())
		return err
	}
}

// The colours are set on each line: a light terminal would show the code as its
// negative.
const lightOnDark, plain = "\x1b[40;97m", "\x1b[0m"

// draw returns the QR code of an address, or nothing where it can't have one.
func draw(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || printable(address) != address {
		return ""
	}
	if _, err := qr.Encode(address, qr.L); err != nil { // too long; qrterminal does not look
		return ""
	}
	var code bytes.Buffer
	qrterminal.GenerateWithConfig(address, qrterminal.Config{
		Level: qr.L, Writer: &code, HalfBlocks: true, QuietZone: 4,
	})
	var b strings.Builder
	for line := range strings.Lines(code.String()) {
		b.WriteString(lightOnDark + strings.TrimSuffix(line, "\n") + plain + "\n")
	}
	return b.String()
}

// printable returns s without what could move the cursor, change colours or
// turn the direction of reading.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, s)
}
