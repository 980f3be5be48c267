package oauth2grant_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// leaks gathers all that is shown, and every secret that must not be in it.
type leaks struct {
	t   *testing.T
	srv *granttest.Server
	cfg oauth2grant.Config

	endpoint granttest.Endpoint
	first    int
	spill    func(everything, one string) (*http.Response, error)

	mu      sync.Mutex
	seen    int
	secrets map[string]bool
	out     bytes.Buffer
}

func newLeaks(
	t *testing.T, endpoint granttest.Endpoint, first int, spill func(everything, one string) (*http.Response, error),
) *leaks {
	t.Helper()
	l := &leaks{t: t, endpoint: endpoint, first: first, spill: spill, secrets: map[string]bool{}}
	l.srv = granttest.New(granttest.Config{
		Clients: []granttest.Client{
			{ID: "client", Secret: l.secret("client secret+/%")}, {ID: "keyed", Keys: clientKey().public},
			{ID: "hmac", Secret: l.secret(longSecret)},
		},
		DPoPNonce: true,
		Users:     map[string]string{"alice": l.secret("password")},
		Identity:  func(string) (string, error) { return "alice", nil },
		RefreshFor: []string{
			"client_credentials", "password", "authorization_code", "urn:ietf:params:oauth:grant-type:device_code",
		},
	})
	_, refresh, _ := l.srv.Issue("client", "alice")
	l.learn(refresh)
	var text, asJSON slog.Handler = slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}),
		slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})
	l.cfg = oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: l.srv.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", l.secret("client secret+/%")),
		HTTPClient: &http.Client{Transport: tripper(l.roundTrip)},
		Params:     url.Values{"subject_token": {l.secret("parameter")}},
		Token:      oauth2grant.Token{RefreshToken: refresh},
		Logger:     slog.New(slog.NewMultiHandler(text, asJSON)),
		OnEvent:    func(_ context.Context, e oauth2grant.Event) { l.show(e, e.Token, e.Err) },
	}
	return l
}

// secret makes a marked secret.
func (l *leaks) secret(name string) string {
	s := "MARK-" + name
	l.learn(s)
	return s
}

func (l *leaks) learn(secrets ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range secrets {
		if len(s) > 3 {
			l.secrets[s], l.secrets[url.QueryEscape(s)] = true, true
		}
	}
}

func (l *leaks) learnQuery(raw string) {
	if u, err := url.Parse(raw); err == nil {
		l.learn(u.Query()["state"]...)
		l.learn(u.Query()["nonce"]...)
		l.learn(u.Query()["code"]...)
	}
}

// roundTrip learns the secrets of what passes, and spills them where the test
// says so.
func (l *leaks) roundTrip(r *http.Request) (*http.Response, error) {
	everything := strings.TrimSpace(r.Header.Get("Authorization") + " " + r.URL.RawQuery)
	if _, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " "); credentials != "" {
		l.learn(credentials)
	}
	one := "none"
	if proof := r.Header.Get("DPoP"); proof != "" {
		l.learn(proof)
		everything += " " + proof
	}
	if id, secret, ok := r.BasicAuth(); ok {
		one = secret
		l.learn(secret)
		everything += " " + id + ":" + secret
	}
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(text))
		form, err := url.ParseQuery(string(text))
		if err != nil {
			return nil, err
		}
		for _, name := range []string{
			"client_secret", "password", "refresh_token", "code", "code_verifier", "token", "device_code",
			"subject_token", "actor_token", "assertion", "client_assertion",
		} {
			if l.learn(form.Get(name)); form.Get(name) != "" {
				one = form.Get(name)
				everything += " " + one
			}
		}
		everything += " " + string(text)
	}
	if l.spills(r) {
		res, err := l.spill(everything, one)
		if res != nil {
			res.Request = r
		}
		return res, err
	}
	res, err := l.srv.Transport().RoundTrip(r)
	if err == nil {
		l.learnAnswer(res)
	}
	return res, err
}

func (l *leaks) spills(r *http.Request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.spill == nil || !strings.HasSuffix(r.URL.Path, string(l.endpoint)) {
		return false
	}
	l.seen++
	return l.seen > l.first
}

func (l *leaks) learnAnswer(res *http.Response) {
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(text))
	var members map[string]any
	_ = json.Unmarshal(text, &members)
	for _, name := range []string{"access_token", "refresh_token", "id_token", "device_code"} {
		s, _ := members[name].(string)
		l.learn(s)
	}
}

// endpoints counts the requests to each.
func (l *leaks) endpoints() map[granttest.Endpoint]int {
	counts := map[granttest.Endpoint]int{}
	for _, r := range l.srv.Requests() {
		counts[r.Endpoint]++
	}
	return counts
}

// Write takes the log.
func (l *leaks) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// show prints values by every verb, and logs them.
func (l *leaks) show(values ...any) {
	for _, v := range values {
		for _, verb := range verbs {
			fmt.Fprintf(l, verb+"\n", v)
		}
		l.cfg.Logger.Debug("shown", "value", v)
	}
}

func (l *leaks) check(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.out.String()
	for _, secret := range slices.Sorted(maps.Keys(l.secrets)) {
		for _, form := range []string{
			secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("% x", secret),
		} {
			if at := strings.Index(text, form); at >= 0 {
				t.Fatalf("%s after %d at %s shows %q in …%s…", t.Name(), l.first, l.endpoint, secret,
					text[max(0, at-200):min(len(text), at+len(form)+50)])
			}
		}
	}
	if len(text) == 0 || len(l.secrets) < 5 {
		t.Fatalf("nothing was tested: %d bytes, %d secrets", len(text), len(l.secrets))
	}
}
