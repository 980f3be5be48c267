package browser

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// Look is a way of showing pages.
type Look struct {
	Name          string
	Width, Height int64
	Dark          bool
}

// Looks are the ways that a page must be fit for.
var Looks = []Look{
	{"light", 1280, 800, false},
	{"dark", 1280, 800, true},
	{"phone-light", 360, 640, false},
	{"phone-dark", 360, 640, true},
}

// Show has the tab show its page so.
func (t *Tab) Show(tb testing.TB, l Look) {
	tb.Helper()
	scheme := "light"
	if l.Dark {
		scheme = "dark"
	}
	if err := t.Do(chromedp.EmulateViewport(l.Width, l.Height, chromedp.EmulateScale(1))); err != nil {
		tb.Fatal(err)
	}
	_, err := chromedp.Call(t.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// Picture writes what the tab shows to a file, in PNG.
func (t *Tab) Picture(tb testing.TB, path string) {
	tb.Helper()
	picture, err := run(t, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o750)
	}
	if err == nil {
		err = os.WriteFile(path, picture, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Overflows reports whether the page is wider than the tab.
func (t *Tab) Overflows(tb testing.TB) bool {
	tb.Helper()
	wide, err := run(t, chromedp.Evaluate[bool]("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
	if err != nil {
		tb.Fatal(err)
	}
	return wide
}

// Barriers are the violations that axe-core finds on the page, and what it
// could not decide on, as the page is shown now. The page's own policy does not
// keep axe-core out, since it comes over the DevTools protocol.
func (t *Tab) Barriers(tb testing.TB) []string {
	tb.Helper()
	source, err := os.ReadFile(axe(tb))
	if err != nil {
		tb.Fatal(err)
	}
	const check = `axe.run(document).then(r => [...r.violations, ...r.incomplete].flatMap(v => v.nodes.map(n => v.id + ": " + n.target + ": " + n.failureSummary)))`
	if _, err = run(t, chromedp.Evaluate[chromedp.Void](string(source)+";undefined")); err != nil {
		tb.Fatal(err)
	}
	found, err := run(t, chromedp.Evaluate[[]string](check, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// axe looks for the installed axe-core from the folder of the test upwards.
func axe(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		path := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	testservers.Missing(tb, "axe-core", "browser")
	return ""
}
