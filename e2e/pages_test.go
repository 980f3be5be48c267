package e2e

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/callbackserver"
	"github.com/oauth2grant/go-oauth2grant/e2e/internal/browser"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// artefacts is where the pictures of our pages go, for people to look at.
const artefacts = "artefacts"

// TestPages_AreFitForPeople looks at each page in every way that it may be
// shown: axe-core finds nothing, it fits its window, and it has loaded nothing.
func TestPages_AreFitForPeople(t *testing.T) {
	t.Parallel()
	fit := startFosite(t, settings{})
	for _, tc := range []struct {
		name  string
		reach func(t *testing.T, p *person)
	}{
		{"callback-success", func(t *testing.T, p *person) {
			p.answered(t, url.Values{"code": {"the-code"}}, "Return to the program")
		}},
		{"callback-denied", func(t *testing.T, p *person) {
			p.answered(t, url.Values{
				"error": {"access_denied"}, "error_description": {"The resource owner denied the request."},
			}, "Access was not granted")
		}},
		{"callback-long-failure", func(t *testing.T, p *person) {
			p.answered(t, url.Values{
				"error": {"server_error"}, "error_description": {strings.Repeat("unbreakable", 100)},
			}, "Access was not granted")
		}},
		{"callback-refused", func(t *testing.T, p *person) {
			p.goes(t, callback(t)+"?state=guessed&code=forged", browser.Sees("No sign-in waits for this answer"))
		}},
		{"callback-nothing", func(t *testing.T, p *person) {
			p.goes(t, callback(t)+"/elsewhere", browser.Sees("Not Found"))
		}},
		{"sign-in", func(t *testing.T, p *person) { p.goes(t, signInPage(t, fit, native), browser.Sees("Sign in")) }},
		{"sign-in-wrong", func(t *testing.T, p *person) {
			wrong := oauth2grant.Password{Username: "alice", Password: "a guess"}
			p.goes(t, signInPage(t, fit, native), givesPassword(wrong),
				browser.Reads("p", "The user name or the password is wrong."))
		}},
		{"sign-in-impossible", func(t *testing.T, p *person) {
			p.goes(t, fit.issuer+"/authorize?client_id=nobody", browser.Sees("This sign-in cannot start"))
		}},
		{"device", func(t *testing.T, p *person) { p.goes(t, fit.issuer+"/device", browser.Sees("Connect a device")) }},
		{"device-wrong", func(t *testing.T, p *person) {
			p.goes(t, fit.issuer+"/device", p.entersCode("no such code"), browser.WaitFor("[role=alert]"))
		}},
		{"device-sign-in", func(t *testing.T, p *person) { p.meetsDevice(t, fit, browser.Sees("Sign in")) }},
		{"device-connected", func(t *testing.T, p *person) { p.meetsDevice(t, fit, p.connects(alice)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := newPerson(t, fosite)
			tc.reach(t, p)
			for _, look := range browser.Looks {
				p.Show(t, look)
				p.Picture(t, filepath.Join(artefacts, tc.name+"-"+look.Name+".png"))
				if p.Overflows(t) {
					t.Errorf("%s: the page is wider than its window", look.Name)
				}
				for _, barrier := range p.Barriers(t) {
					t.Errorf("%s: %s", look.Name, barrier)
				}
			}
			for _, r := range p.Requests() {
				if !r.Page {
					t.Errorf("the page loads %s", r.URL)
				}
			}
		})
	}
}

// TestPages_BadOnesAreFoundOut looks at one that has everything that ours must
// not have.
func TestPages_BadOnesAreFoundOut(t *testing.T) {
	t.Parallel()
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'")
		_, _ = io.WriteString(w,
			`<!doctype html><style>p { color: #ccc; background: #fff; width: 200vw }</style>`+
				`<h1>Bad</h1><p>pale</p><img src="/pixel.png">`)
	}))
	t.Cleanup(bad.Close)
	p := newPerson(t, fosite)
	p.goes(t, bad.URL, browser.Sees("Bad"))
	p.Show(t, browser.Looks[0])
	if !p.Overflows(t) {
		t.Error("the width is not seen")
	}
	found := strings.Join(p.Barriers(t), "\n")
	for _, rule := range []string{"color-contrast", "document-title", "html-has-lang", "image-alt"} {
		if !strings.Contains(found, rule) {
			t.Errorf("%s is not found", rule)
		}
	}
	if r := p.RequestTo(bad.URL + "/pixel.png"); r.URL == "" || r.Page {
		t.Error("the picture that it loads is not seen")
	}
}

// goes has the person go somewhere.
func (p *person) goes(t *testing.T, address string, then ...browser.Step) {
	t.Helper()
	if err := p.Do(append([]browser.Step{browser.Visit(address)}, then...)...); err != nil {
		t.Fatal(err)
	}
}

// callback returns the address of a server that waits for the state
// "the-state".
func callback(t *testing.T) string {
	t.Helper()
	receiver, err := callbackserver.Listen(context.WithoutCancel(t.Context()), callbackserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = receiver.Close() })
	receiver.Expect("the-state")
	return receiver.RedirectURI()
}

// answered has the person come from a server that gave that answer.
func (p *person) answered(t *testing.T, answer url.Values, heading string) {
	t.Helper()
	answer.Set("state", "the-state")
	at := callback(t)
	server := httptest.NewServer(http.RedirectHandler(at+"?"+answer.Encode(), http.StatusSeeOther))
	t.Cleanup(server.Close)
	p.goes(t, server.URL, browser.Sees(heading))
	if shown := p.Address(t); !strings.HasPrefix(shown, at+"/done/") || strings.Contains(shown, "?") {
		t.Errorf("the address bar shows %s", shown)
	}
	for _, entry := range p.Back(t) {
		if strings.Contains(entry, "the-state") || strings.Contains(entry, "the-code") {
			t.Errorf("the history has %s", entry)
		}
	}
}

// signInPage is where a browser would be opened at.
func signInPage(t *testing.T, s *authServer, auth oauth2grant.ClientAuth) string {
	t.Helper()
	c, err := oauth2grant.NewClient(s.config(auth, personal...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	a, err := c.BeginAuthorization(t.Context(), "http://127.0.0.1/callback", nil)
	if err != nil {
		t.Fatal(err)
	}
	return a.URL
}

// meetsDevice has the person follow the link that a device shows.
func (p *person) meetsDevice(t *testing.T, s *authServer, then browser.Step) {
	t.Helper()
	shown := errors.New("the device has shown its code")
	g := newGrant(t, oauth2grant.DeviceCode{Prompt: func(ctx context.Context, d oauth2grant.DevicePrompt) error {
		p.will(p.comparesCode(d.UserCode), then)
		return errors.Join(shown, p.open(ctx, d.VerificationURIComplete))
	}}, s.config(native, personal...))
	if err := g.EnsureActiveToken(t.Context()); !errors.Is(err, shown) {
		t.Fatal(err)
	}
	p.done()
}
