package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/browser"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

const pollEvery = time.Second // at Fosite; oidc-provider names no interval, which means 5 s

// deviceFlow has the person go to the page that the device shows, enter the
// code there if it is not in the address, and compare it.
func (p *person) deviceFlow(complete bool, then browser.Step) oauth2grant.DeviceCode {
	return oauth2grant.DeviceCode{Prompt: func(ctx context.Context, d oauth2grant.DevicePrompt) error {
		address, first := d.VerificationURIComplete, steps()
		if !complete {
			address, first = d.VerificationURI, p.entersCode(d.UserCode)
		}
		p.will(first, p.comparesCode(d.UserCode), then)
		return p.open(ctx, address)
	}}
}

func TestDevice_APersonRefuses(t *testing.T) {
	onEachAtOnce(t, settings{interval: pollEvery}, func(t *testing.T, s *authServer) {
		p := newPerson(t, s.kind)
		g := newGrant(t, p.deviceFlow(true, p.refusesDevice()), s.config(native, personal...))
		if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.AccessDenied) {
			t.Errorf("got %v, want AccessDenied", err)
		}
		p.done()
		p.wantOpened(1)
	})
}

// TestDevice_APollTooEarlyIsNotRepeated tells the device an interval that is
// shorter than the server's. It takes the server's rebuke, and lasting 5 s more
// (RFC 8628 §3.5).
func TestDevice_APollTooEarlyIsNotRepeated(t *testing.T) {
	t.Parallel()
	const real, told = 3 * time.Second, time.Second
	s := startFosite(t, settings{interval: real})
	w := newTap(t)
	cfg := s.config(native, personal...)
	h := &hurried{base: w, interval: told, rebuked: make(chan struct{})}
	cfg.HTTPClient = &http.Client{Transport: h}
	p := newPerson(t, s.kind)
	g := newGrant(t, p.deviceFlow(true, steps(h.wait(), p.connects(alice))), cfg)
	token := tokenOf(t, g)
	p.done()
	s.wantActive(t, "the token", token.AccessToken)

	polls := w.tokenRequests()
	if len(polls) != 3 {
		t.Fatalf("%d polls, want one that finds nothing, one too early, and one that brings the token", len(polls))
	}
	if pause := polls[1].start.Sub(polls[0].start); pause >= real {
		t.Errorf("the second poll came after %v: not too early", pause)
	}
	if pause := polls[2].start.Sub(polls[1].end); pause < told+5*time.Second {
		t.Errorf("after slow_down the next poll came after %v, want at least %v", pause, told+5*time.Second)
	}
}

// hurried changes the interval in what the server tells a device.
type hurried struct {
	base     http.RoundTripper
	interval time.Duration
	polls    atomic.Int32
	rebuked  chan struct{} // closed when the second poll has been answered
}

// wait has a person wait until the device has been rebuked.
func (h *hurried) wait() browser.Step {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		select {
		case <-h.rebuked:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// RoundTrip implements http.RoundTripper.
func (h *hurried) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := h.base.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case isToken(req.URL.Path) && h.polls.Add(1) == 2:
		close(h.rebuked)
	case req.URL.Path == "/device/auth":
		err = h.hurry(res)
	}
	return res, err
}

func (h *hurried) hurry(res *http.Response) error {
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	answer["interval"] = int(h.interval.Seconds())
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
