// Package browser has the Chromium in which a test's person signs in: one
// process for all tests, driven over the DevTools protocol.
package browser

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// running is the browser that all tests share.
var running struct {
	sync.Mutex
	*chromium // nil before the first Open
}

type chromium struct {
	ctx           context.Context // what tabs are made from
	cancel, clean func()
}

// Close ends the browser, if there is one, and waits for it. Every Tab must
// have ended.
func Close() error {
	running.Lock()
	defer running.Unlock()
	if running.chromium == nil {
		return nil
	}
	defer func() { running.chromium = nil }()
	return running.end()
}

func (c *chromium) end() error {
	err := chromedp.Cancel(c.ctx)
	c.cancel()
	c.clean()
	return err
}

// start starts the browser at the first call. Its profile is new, and goes with
// it.
func start(tb testing.TB) *chromium {
	tb.Helper()
	path := testservers.Command(tb, "chromium", "browser")
	running.Lock()
	defer running.Unlock()
	if running.chromium != nil {
		return running.chromium
	}
	alloc, clean := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path),
		chromedp.Headless,
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), // the pages of some servers ask for fonts from afar
	)
	ctx, cancel := chromedp.NewContext(alloc)
	c := &chromium{ctx, cancel, clean}
	if err := chromedp.Do(ctx); err != nil {
		_ = c.end()
		tb.Fatalf("start Chromium: %v", err)
	}
	running.chromium = c
	return c
}

// Step is something that a person does.
type Step = chromedp.Action[chromedp.Void]

// Tab is one page of a person who shares nothing with others, cookies included.
// Its methods are for one goroutine at a time.
type Tab struct {
	ctx     context.Context
	history *history
}

// Open opens a tab that is closed with the test.
func Open(tb testing.TB) *Tab {
	tb.Helper()
	ctx, cancel := chromedp.NewContext(start(tb).ctx, chromedp.WithNewBrowserContext())
	tb.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			tb.Errorf("close the tab: %v", err)
		}
		cancel()
	})
	t := &Tab{ctx: ctx, history: &history{}}
	if err := t.history.record(ctx); err != nil {
		tb.Fatalf("open a tab: %v", err)
	}
	return t
}

// Do takes the steps, one after another, until one fails.
func (t *Tab) Do(steps ...Step) error {
	for _, step := range steps {
		if _, err := run(t, step); err != nil {
			return err
		}
	}
	return nil
}

func run[T any](t *Tab, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeoutCause(t.ctx, progress.Limit, fmt.Errorf("the page did not come within %v", progress.Limit))
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return v, err
}

// Visit goes to an address.
func Visit(address string) Step { return chromedp.Navigate(address) }

// Fill types text into the field that a CSS selector finds.
func Fill(field, text string) Step { return chromedp.SendKeys(chromedp.CSS(field), text) }

// Press clicks on what a CSS selector finds.
func Press(button string) Step { return chromedp.Click(chromedp.CSS(button)) }

// Sees waits for the page with that heading.
func Sees(heading string) Step { return Reads("h1", heading) }

// Reads waits for an element of that name with that text.
func Reads(element, text string) Step {
	return chromedp.WaitVisible(chromedp.Search(fmt.Sprintf(`//%s[normalize-space()=%q]`, element, text)))
}

// Clear empties the field that a CSS selector finds.
func Clear(field string) Step { return chromedp.Clear(chromedp.CSS(field)) }

// WaitFor waits for what a CSS selector finds.
func WaitFor(what string) Step { return chromedp.WaitVisible(chromedp.CSS(what)) }
