package terminalprompt_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/oauth2grant/go-oauth2grant/contrib/terminalprompt"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// show returns what a prompt writes, without the colours.
func show(t *testing.T, p oauth2grant.DevicePrompt) string {
	t.Helper()
	var b bytes.Buffer
	if err := terminalprompt.QR(&b)(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("\x1b[40;97m", "", "\x1b[0m", "").Replace(b.String())
}

const blocks = "█▀▄"

// scan reads the QR code in a text as a phone would; empty: there is none.
func scan(t *testing.T, text string) string {
	t.Helper()
	var rows [][]rune
	for line := range strings.Lines(text) {
		if strings.ContainsAny(line, blocks) {
			rows = append(rows, []rune(strings.TrimSuffix(line, "\n")))
		}
	}
	if rows == nil {
		return ""
	}
	const scale = 8
	picture := image.NewGray(image.Rect(0, 0, scale*len(rows[0]), scale*2*len(rows)))
	paint := func(x, y int, light bool) {
		if light {
			draw.Draw(picture, image.Rect(x, y, x+1, y+1).Bounds(), image.NewUniform(color.White),
				image.Point{}, draw.Src)
		}
	}
	for r, row := range rows {
		if len(row) != len(rows[0]) {
			t.Fatalf("line %d of the code has %d columns, not %d", r, len(row), len(rows[0]))
		}
		for c, block := range row {
			for i := range scale * scale {
				x, y := c*scale+i%scale, 2*r*scale+i/scale
				paint(x, y, block == '█' || block == '▀')
				paint(x, y+scale, block == '█' || block == '▄')
			}
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		t.Fatalf("the code can't be read: %v\n%s", err, text)
	}
	return result.GetText()
}

func TestPrompt_ThePhoneReadsWhatTheServerSent(t *testing.T) {
	for name, complete := range map[string]string{
		"short":   "https://a.example/d?c=X",
		"usual":   "https://login.example.com/device?user_code=WDJB-MJHT",
		"long":    "https://login.example.com/device?user_code=WDJB-MJHT&more=" + strings.Repeat("0123456789", 50),
		"loop":    "http://127.0.0.1:8080/device?user_code=WDJB-MJHT",
		"escaped": "https://login.example.com/device?user_code=%D1%84&a=%22b%22",
	} {
		t.Run(name, func(t *testing.T) {
			text := show(t, oauth2grant.DevicePrompt{
				UserCode: "WDJB-MJHT", VerificationURI: "https://login.example.com/device",
				VerificationURIComplete: complete,
			})
			if got := scan(t, text); got != complete {
				t.Errorf("the code says %q, want %q", got, complete)
			}
			for _, word := range []string{"https://login.example.com/device\n", "WDJB-MJHT\n", complete + "\n"} {
				if !strings.Contains(text, word) {
					t.Errorf("there is no %q in\n%s", word, text)
				}
			}
		})
	}
}

func TestPrompt_WithoutACompleteAddressWordsDo(t *testing.T) {
	expiry := time.Date(2031, 2, 3, 4, 5, 6, 0, time.Local)
	text := show(t, oauth2grant.DevicePrompt{
		UserCode: "WDJB-MJHT", VerificationURI: "https://login.example.com/device", Expiry: expiry,
	})
	want := "To sign in, open https://login.example.com/device\nand enter the code WDJB-MJHT\n\nThe code is good " +
		"until 04:05:06.\n"
	if text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestPrompt_DrawsNoAddressThatIsUnfitForAPhone(t *testing.T) {
	for name, complete := range map[string]string{
		"a telephone number":      "tel:+123456789",
		"a script":                "javascript:alert(1)",
		"no host":                 "https:///device",
		"no address":              "%zz",
		"with control characters": "https://login.example.com/\u202edevice",
		"too long":                "https://login.example.com/" + strings.Repeat("x", 3000),
	} {
		t.Run(name, func(t *testing.T) {
			text := show(t, oauth2grant.DevicePrompt{
				UserCode: "WDJB", VerificationURI: "https://login.example.com/device",
				VerificationURIComplete: complete,
			})
			if strings.ContainsAny(text, blocks) || !strings.Contains(text, "enter the code WDJB\n") {
				t.Errorf("got\n%s", text)
			}
		})
	}
}

func TestPrompt_TheServerCannotControlTheTerminal(t *testing.T) {
	evil := "\x1b[2J\x1b]0;title\a\r\n\u202e\u009b31m\xff\x00evil"
	text := show(t, oauth2grant.DevicePrompt{
		UserCode: evil, VerificationURI: "https://a.example/" + evil,
		VerificationURIComplete: "https://b.example/" + evil,
	})
	for _, r := range text {
		if !unicode.IsPrint(r) && r != '\n' {
			t.Errorf("there is a %U in %q", r, text)
		}
	}
	if strings.Count(text, "evil") != 3 || strings.Count(text, "\n") != 4 {
		t.Errorf("got %q", text)
	}
}

func TestPrompt_ReturnsTheErrorOfTheWriter(t *testing.T) {
	closed, err := os.Open(os.DevNull) // for reading
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	if err := terminalprompt.QR(closed)(t.Context(), oauth2grant.DevicePrompt{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func ExampleQR() {
	flow := oauth2grant.DeviceCode{Prompt: terminalprompt.QR(os.Stderr)}
	grant, err := oauth2grant.New(context.Background(), flow, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:   oauth2grant.Public("mytool"),
	})
	if err != nil {
		return
	}
	defer grant.Close()
}
