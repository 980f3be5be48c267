package docs

import (
	"errors"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// TestProviders plays what providers depart in: a token, its renewal before it
// ends, and a session that has ended.
func TestProviders(t *testing.T) {
	for name, p := range played {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { p.play(t) })
		})
	}
}

func (p provider) play(t *testing.T) {
	lifetime := max(p.lifetime, time.Hour)
	srv := granttest.New(granttest.Config{Lifetime: lifetime, KeepRefreshTokens: p.keeps})
	srv.Break(granttest.Token, granttest.Fault{Edit: p.edit})
	_, refresh, _ := srv.Issue("client", "alice")
	cfg := oauth2grant.Config{
		Server:     oauth2grant.Server{TokenURL: srv.URL(granttest.Token)},
		Auth:       oauth2grant.SecretPost("client", "secret"),
		Token:      oauth2grant.Token{RefreshToken: refresh},
		HTTPClient: srv.HTTPClient(),
	}
	if p.config != nil {
		p.config(&cfg)
	}
	grant, err := oauth2grant.New(t.Context(), oauth2grant.RefreshOnly{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer grant.Close()
	first := p.token(t, grant, lifetime)
	for range 3 {
		time.Sleep(lifetime)
		again := p.token(t, grant, lifetime)
		if again.AccessToken == first.AccessToken {
			t.Error("the token was not renewed within its lifetime")
		}
		first = again
	}
	if used := srv.ReuseDetected(); used != 0 {
		t.Errorf("a refresh token came twice: %d", used)
	}
	var left time.Duration
	if end := grant.Status().RefreshExpiry; !end.IsZero() {
		left = time.Until(end).Round(day)
	}
	if left != p.ends {
		t.Errorf("the refresh token ends in %v, want %v", left, p.ends)
	}

	srv.Break(granttest.Token, p.dead)
	if _, err := grant.RefreshToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
		time.Sleep(2 * lifetime) // what is unclear ends with the token
		err = grant.EnsureActiveToken(t.Context())
		if !errors.Is(err, oauth2grant.ErrLoginRequired) || !strings.Contains(err.Error(), p.says) {
			t.Errorf("after the session has ended: %v", err)
		}
	}
}

// TestProviders_Facebook plays a token that can't be refreshed, an API that
// refuses it, and an error that is an object.
func TestProviders_Facebook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lifetime = 60 * 24 * time.Hour
		srv := granttest.New(granttest.Config{})
		cfg := oauth2grant.Config{
			Server:     oauth2grant.Server{TokenURL: srv.URL(granttest.Token), NoRefresh: true},
			Auth:       oauth2grant.SecretPost("client", "secret"),
			Token:      oauth2grant.Token{AccessToken: "EAAx", TokenType: "bearer", Expiry: time.Now().Add(lifetime)},
			HTTPClient: srv.HTTPClient(),
		}
		grant, err := oauth2grant.New(t.Context(), oauth2grant.RefreshOnly{}, cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer grant.Close()
		for range 59 {
			if err := grant.EnsureActiveToken(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(24 * time.Hour)
		}
		time.Sleep(24 * time.Hour)
		if err := grant.EnsureActiveToken(t.Context()); !errors.Is(err, oauth2grant.ErrLoginRequired) {
			t.Errorf("after its 60 days: %v", err)
		}
		if n := srv.Count(granttest.Token); n != 0 {
			t.Errorf("%d token requests", n)
		}
		srv.Break(granttest.Token, says(http.StatusBadRequest,
			`{"error":{"message":"The token has expired","type":"OAuthException","code":190,"error_subcode":463}}`))
		_, err = grant.Client().RequestToken(t.Context(), map[string][]string{"grant_type": {"fb_exchange_token"}})
		if err == nil || !strings.Contains(err.Error(), "The token has expired") || oauth2grant.IsTransient(err) {
			t.Errorf("its words are lost: %v", err)
		}
	})
}

// TestProviders_PageMarksWhatIsPlayed holds the page to this test.
func TestProviders_PageMarksWhatIsPlayed(t *testing.T) {
	page, err := os.ReadFile("../../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`(?m)^\| ([A-Z][A-Za-z0-9 ]*) \|.*\| ([a-z ]+) \|$`)
	rows := row.FindAllStringSubmatch(string(page), -1)
	if len(rows) < 20 {
		t.Fatalf("the page lists %d providers", len(rows))
	}
	for _, row := range rows {
		name, mark := row[1], row[2]
		name = strings.TrimPrefix(name, "Microsoft ")
		if _, ok := played[name]; (ok || name == "Facebook") != (mark == "played") {
			t.Errorf("%s is marked %q; it is played: %t", name, mark, ok)
		}
	}
}

// token returns the grant's token, which must be what the provider's should be.
func (p provider) token(t *testing.T, grant *oauth2grant.Grant, lifetime time.Duration) oauth2grant.Token {
	t.Helper()
	header := http.Header{}
	if err := grant.PrepareRequest(t.Context(), header); err != nil {
		t.Fatal(err)
	}
	want := p.header
	if want == "" {
		want = "Bearer "
	}
	if got := header.Get("Authorization"); !strings.HasPrefix(got, want) {
		t.Errorf("Authorization begins otherwise than with %q", want)
	}
	token, err := grant.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(token.Expiry); !token.Expiry.IsZero() && (left <= 0 || left > lifetime) {
		t.Errorf("the token is good for %v", left)
	}
	var member string
	if found, err := token.Extra(p.extra, &member); p.extra != "" && (!found || err != nil) {
		t.Errorf("the token lacks %s: %v", p.extra, err)
	}
	return token
}
