package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs the application, and returns its address.
func start(t *testing.T, env map[string]string) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, in, func(name string) string { return env[name] })
		_ = in.Close()
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "open "); ok {
			return strings.TrimSuffix(address, "/")
		}
	}
	t.Fatal("the application has not said where it is")
	return ""
}

// browser is one with cookies of its own.
type browser struct {
	t   *testing.T
	app string
	hc  *http.Client
}

func newBrowser(t *testing.T, app string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, app, &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// goes returns the status and the text of the page that the browser ends at.
func (b *browser) goes(method, address string) (status int, text string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := b.hc.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// authorization asks to sign in, and returns the address at the authorization
// server that this leads to.
func (b *browser) authorization() string {
	b.t.Helper()
	b.hc.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { b.hc.CheckRedirect = nil }()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.app+"/sign-in", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := b.hc.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	location, err := res.Location()
	if err != nil {
		b.t.Fatal(err)
	}
	return location.String()
}

// signsIn ends at the home page.
func (b *browser) signsIn(name string) (status int, text string) {
	b.t.Helper()
	return b.goes(http.MethodGet, b.authorization()+"&login_hint="+url.QueryEscape("auto:"+name))
}

func (b *browser) sees(name string) bool {
	b.t.Helper()
	_, text := b.goes(http.MethodGet, b.app+"/")
	return strings.Contains(text, "Orders of "+name+"<") && strings.Contains(text, "teapot")
}

func (b *browser) isSignedOut() bool {
	b.t.Helper()
	status, text := b.goes(http.MethodGet, b.app+"/")
	return status == http.StatusOK && strings.Contains(text, "Sign in") && !strings.Contains(text, "Orders of")
}

func TestApp_EachPersonSeesTheirOwnOrders(t *testing.T) {
	app := start(t, nil)
	alice, bob := newBrowser(t, app), newBrowser(t, app)
	if !alice.isSignedOut() {
		t.Error("somebody is signed in before they were")
	}
	alice.signsIn("alice")
	bob.signsIn("bob")
	if !alice.sees("alice") || !bob.sees("bob") {
		t.Error("they do not see their orders")
	}
}

func TestApp_SigningInAgainGoesOnWithTheSameGrant(t *testing.T) {
	app := start(t, nil)
	desk, phone := newBrowser(t, app), newBrowser(t, app)
	desk.signsIn("alice")
	phone.signsIn("alice")
	if !desk.sees("alice") || !phone.sees("alice") {
		t.Error("one of the browsers does not see the orders")
	}
}

func TestApp_SigningOutEndsTheTokenAtTheServer(t *testing.T) {
	server, err := authserver.Start(authserver.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	app := start(t, map[string]string{
		"OAUTH_ISSUER": server.Issuer(), "OAUTH_CLIENT_ID": "web", "OAUTH_CLIENT_SECRET": "web-secret",
		"OAUTH_SCOPE": "openid offline_access read", "API_URL": server.Issuer() + "/api/orders",
	})
	desk, phone, bob := newBrowser(t, app), newBrowser(t, app), newBrowser(t, app)
	desk.signsIn("alice")
	phone.signsIn("alice")
	bob.signsIn("bob")
	desk.goes(http.MethodPost, app+"/sign-out")
	if !desk.isSignedOut() || !phone.isSignedOut() {
		t.Error("alice is still signed in")
	}
	if server.Count("/revoke") == 0 {
		t.Error("the server was not told")
	}
	if !bob.sees("bob") {
		t.Error("bob is signed out too")
	}
	if desk.signsIn("alice"); !desk.sees("alice") {
		t.Error("alice can't sign in again")
	}
}

func TestApp_AnAnswerIsGoodForTheBrowserThatAskedAndForOnce(t *testing.T) {
	app := start(t, nil)
	mallory, victim := newBrowser(t, app), newBrowser(t, app)
	var answer string
	address := mallory.authorization()
	mallory.hc.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
		answer = req.URL.String()
		return http.ErrUseLastResponse
	}
	mallory.goes(http.MethodGet, address+"&login_hint=auto:bob")
	mallory.hc.CheckRedirect = nil
	if !strings.HasPrefix(answer, app+"/callback?") {
		t.Fatalf("the answer went to %s", answer)
	}
	for _, name := range []string{"without a sign-in of its own", "with one"} {
		if status, _ := victim.goes(http.MethodGet, answer); status != http.StatusBadRequest || !victim.isSignedOut() {
			t.Errorf("another browser, %s: status %d", name, status)
		}
		victim.authorization()
	}
	if status, _ := mallory.goes(http.MethodGet, answer); status != http.StatusOK || !mallory.sees("bob") {
		t.Errorf("the browser that asked: status %d", status)
	}
	if status, _ := mallory.goes(http.MethodGet, answer); status != http.StatusBadRequest {
		t.Errorf("a second time: status %d", status)
	}
}

func TestApp_ARefusalLeadsBackHome(t *testing.T) {
	b := newBrowser(t, start(t, nil))
	status, _ := b.goes(http.MethodPost, b.authorization()+"&deny=1")
	if status != http.StatusOK || !b.isSignedOut() {
		t.Errorf("status %d", status)
	}
}

func TestApp_OtherSitesCannotSignPeopleOut(t *testing.T) {
	b := newBrowser(t, start(t, nil))
	b.signsIn("alice")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.app+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://evil.example")
	res, err := b.hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusForbidden || !b.sees("alice") {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestSessions_TheCookieIsOutOfReach(t *testing.T) {
	for _, c := range []struct {
		self, name string
		secure     bool
	}{
		{"https://shop.example", "__Host-session", true},
		{"http://127.0.0.1:8080", "session", false},
	} {
		w := httptest.NewRecorder()
		newSessions(c.self).begin(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.self, nil),
			session{}, signInTime)
		got := w.Result().Cookies()
		if len(got) != 1 || got[0].Name != c.name || got[0].Secure != c.secure || !got[0].HttpOnly ||
			got[0].SameSite != http.SameSiteLaxMode || got[0].Domain != "" {
			t.Errorf("%s: %v", c.self, got)
		}
	}
}

func TestEnvironment_NamesAllThatIsMissing(t *testing.T) {
	err := run(t.Context(), io.Discard, func(name string) string {
		return map[string]string{"OAUTH_ISSUER": "https://login.example.test", "OAUTH_CLIENT_ID": "shop"}[name]
	})
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) || len(all.Unwrap()) != 3 {
		t.Errorf("got %v, want an error for each of the secret, API_URL and OAUTH_SCOPE", err)
	}
}
