package e2e

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/browser"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// person sits before a browser that programs open.
type person struct {
	*browser.Tab
	t      *testing.T
	kind   string // of the server whose pages they see
	opened atomic.Int32
	desk   chan string // addresses to go to
	busy   sync.WaitGroup
}

func newPerson(t *testing.T, kind string) *person {
	t.Helper()
	p := &person{Tab: browser.Open(t), t: t, kind: kind, desk: make(chan string, 100)}
	t.Cleanup(p.busy.Wait)
	return p
}

// open is an AuthCode.Open: it hands the address over.
func (p *person) open(_ context.Context, address string) error {
	p.opened.Add(1)
	p.desk <- address
	return nil
}

// will takes the steps when a browser is opened next. The test fails when one
// can't be taken.
func (p *person) will(steps ...browser.Step) {
	p.busy.Go(func() {
		select {
		case address := <-p.desk:
			if err := p.Do(append([]browser.Step{browser.Visit(address)}, steps...)...); err != nil {
				p.t.Errorf("the person at the browser: %v", err)
			}
		case <-p.t.Context().Done():
		}
	})
}

// done waits until the person has nothing left to do.
func (p *person) done() { p.busy.Wait() }

// wantOpened counts the browsers that were opened.
func (p *person) wantOpened(want int32) {
	p.t.Helper()
	if got := p.opened.Load(); got != want {
		p.t.Errorf("a browser was opened %d times, want %d", got, want)
	}
}

// flow is a sign-in at this person's browser. The parameters have oidc-provider
// ask for consent, without which it issues native programs no refresh token.
func (p *person) flow() oauth2grant.AuthCode {
	return oauth2grant.AuthCode{Open: p.open, Timeout: 10 * time.Minute, Params: consent()}
}

const (
	yes = "form button:not([name])"
	no  = "button[name=deny]"
)

// givesPassword fills in the sign-in page.
func givesPassword(who oauth2grant.Password) browser.Step {
	return steps(browser.Fill("#login", who.Username), browser.Fill("#password", who.Password), browser.Press(yes))
}

// approves signs in and allows what is asked for: on one page at Fosite, on two
// at oidc-provider.
func (p *person) approves(who oauth2grant.Password) browser.Step {
	if p.kind == fosite {
		return givesPassword(who)
	}
	return steps(givesPassword(who), browser.Sees("Allow access"), browser.Press(yes))
}

// returns sees the page that a sign-in ends with.
func returns() browser.Step { return browser.Sees("Return to the program") }

// entersCode types the code that a device shows, at the address that it shows.
func (p *person) entersCode(code string) browser.Step {
	if p.kind == fosite {
		return steps(browser.Fill("#user_code", code), browser.Press(yes))
	}
	return steps(browser.Fill("[name=user_code]", code), browser.Press("button[type=submit]"))
}

// comparesCode looks for the code on the page that asks whether it is the right
// one.
func (p *person) comparesCode(code string) browser.Step {
	if p.kind == fosite {
		return browser.Reads("span", code)
	}
	return steps(browser.Sees("Confirm Device"), browser.Reads("code", code))
}

// connects lets the device in, or not.
func (p *person) connects(who oauth2grant.Password) browser.Step {
	if p.kind == fosite {
		return steps(p.approves(who), browser.Sees("Device connected"))
	}
	return steps(browser.Press("button[autofocus]"), p.approves(who), browser.Sees("Sign-in Success"))
}

func (p *person) refusesDevice() browser.Step {
	if p.kind == fosite {
		return steps(browser.Press(no), browser.Sees("Device refused"))
	}
	return steps(browser.Press("button[name=abort]"), browser.Reads("p", "The Sign-in request was interrupted"))
}

func steps(all ...browser.Step) browser.Step { return chromedp.Steps(all...) }

func consent() url.Values { return url.Values{"prompt": {"consent"}} }

// withBrowser runs the tests, and ends their browser before anybody looks for
// leaks.
type withBrowser struct{ m *testing.M }

// Run implements goleak.TestingM.
func (w withBrowser) Run() int {
	code := w.m.Run()
	if err := browser.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "close the browser:", err)
		code = max(code, 1)
	}
	return code
}
