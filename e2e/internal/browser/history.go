package browser

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Request is one that a page made, by itself or because a person went on.
type Request struct {
	URL, Method string
	Page        bool // for a document, not for something in one
}

// history is what a tab asks of the network, redirects included.
type history struct {
	mu       sync.Mutex
	requests []Request
}

func (h *history) record(ctx context.Context) error {
	err := chromedp.Listen(ctx, func(event any) {
		if e, ok := event.(*network.EventRequestWillBeSent); ok {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.requests = append(h.requests, Request{
				e.Request.URL, e.Request.Method, e.Type == network.ResourceTypeDocument,
			})
		}
	})
	if err != nil {
		return err
	}
	_, err = chromedp.Call(ctx, network.Enable, network.EnableParams{})
	return err
}

// Requests are all that the tab has made so far, redirects included.
func (t *Tab) Requests() []Request {
	t.history.mu.Lock()
	defer t.history.mu.Unlock()
	return slices.Clone(t.history.requests)
}

// RequestTo is the latest request to an address that begins so; zero if there
// is none.
func (t *Tab) RequestTo(prefix string) Request {
	for _, r := range slices.Backward(t.Requests()) {
		if strings.HasPrefix(r.URL, prefix) {
			return r
		}
	}
	return Request{}
}

// Address is what the address bar shows.
func (t *Tab) Address(tb testing.TB) string {
	tb.Helper()
	address, err := run(t, chromedp.Location())
	if err != nil {
		tb.Fatal(err)
	}
	return address
}

// Back are the addresses that the tab's history holds, the present one
// included.
func (t *Tab) Back(tb testing.TB) []string {
	tb.Helper()
	entries, err := run[page.GetNavigationHistoryResult](t, chromedp.NavigationEntries())
	if err != nil {
		tb.Fatal(err)
	}
	var addresses []string
	for _, e := range entries.Entries {
		addresses = append(addresses, e.URL, e.UserTypedURL)
	}
	return addresses
}
