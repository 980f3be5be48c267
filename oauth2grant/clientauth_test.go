package oauth2grant_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func authenticate(t *testing.T, auth oauth2grant.ClientAuth) (http.Header, url.Values) {
	t.Helper()
	h, form := http.Header{}, url.Values{}
	if err := auth.Authenticate(t.Context(), "https://auth.example/token", h, form); err != nil {
		t.Fatal(err)
	}
	return h, form
}

func TestClientAuth_PutsWhatTheSpecificationSays(t *testing.T) {
	basic := func(pair string) http.Header {
		return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}}
	}
	secret := func(value string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return value, nil }
	}
	for name, c := range map[string]struct {
		auth   oauth2grant.ClientAuth
		header http.Header
		form   url.Values
	}{
		"the example of RFC 6749 §2.3.1": {
			oauth2grant.SecretBasic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw"),
			http.Header{"Authorization": {"Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"}},
			url.Values{},
		},
		"Basic encodes id and secret as a form does": {
			oauth2grant.SecretBasic("a:b c", "p+%&ü/="), basic("a%3Ab+c:p%2B%25%26%C3%BC%2F%3D"), url.Values{},
		},
		"Basic by func does too": {
			oauth2grant.SecretFunc("a:b", oauth2grant.MethodBasic, secret("c:d")), basic("a%3Ab:c%3Ad"), url.Values{},
		},
		"raw Basic encodes nothing": {
			oauth2grant.SecretFunc("a b", oauth2grant.MethodBasicRaw, secret("p+%&ü/=:")), basic("a b:p+%&ü/=:"),
			url.Values{},
		},
		"a ready-made header": {
			oauth2grant.AuthorizationHeader("a", "Basic czpz"),
			http.Header{"Authorization": {"Basic czpz"}},
			url.Values{},
		},
		"the form has both": {
			oauth2grant.SecretPost("a b", "ü"), http.Header{}, url.Values{"client_id": {"a b"}, "client_secret": {"ü"}},
		},
		"a public client sends its id only": {oauth2grant.Public("a"), http.Header{}, url.Values{"client_id": {"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			h, form := authenticate(t, c.auth)
			if !reflect.DeepEqual(h, c.header) || !reflect.DeepEqual(form, c.form) {
				t.Errorf("got %v %v, want %v %v", h, form, c.header, c.form)
			}
		})
	}
}

func TestSecretFile_IsReadAtEachUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	auth := oauth2grant.SecretFile("a", oauth2grant.MethodPost, path)
	err := auth.Authenticate(t.Context(), "", http.Header{}, url.Values{})
	wantIs(t, err, fs.ErrNotExist)
	for content, want := range map[string]string{
		"s": "s", "s\n": "s", "s\r\n": "s", "s\n\n": "s", " s ": "s", "\ts t\t": "s t", "\xef\xbb\xbfs": "s",
		"\xef\xbb\xbf s\r\n": "s", "ü": "ü", strings.Repeat("s", 64<<10): strings.Repeat("s", 64<<10),
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, form := authenticate(t, auth); form.Get("client_secret") != want {
			t.Errorf("of %q it sends %q", content, form.Get("client_secret"))
		}
	}
}

func TestSecretFile_RefusesWhatIsNoSecret(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		mode    fs.FileMode
	}{
		"an empty one":                 {"", 0o600},
		"a line end":                   {"\n", 0o600},
		"white space":                  {" \t\r\n ", 0o600},
		"a byte order mark":            {"\xef\xbb\xbf", 0o600},
		"a byte order mark and a line": {"\xef\xbb\xbf\r\n", 0o600},
		"several lines of nothing":     {"\n\n \r\n\t\n", 0o600},
		"a blank that is no space":     {"\u00a0\n", 0o600},
		"one that is too large":        {strings.Repeat("SECRET", 16<<10), 0o600},
		"one that everybody can write": {"SECRET", 0o602},
		"one that everybody owns":      {"SECRET", 0o666},
	} {
		t.Run(name, func(t *testing.T) {
			if runtime.GOOS == "windows" && c.mode != 0o600 {
				return
			}
			path := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			h, form := http.Header{}, url.Values{}
			err := oauth2grant.SecretFile("a", oauth2grant.MethodPost, path).Authenticate(t.Context(), "", h, form)
			if err == nil || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "SECRET") ||
				oauth2grant.IsTransient(err) {
				t.Errorf("got %v", err)
			}
			if len(h) > 0 || len(form) > 0 {
				t.Errorf("it sends %v %v", h, form)
			}
		})
	}
}

func TestClientAuth_WithoutASecretIsRefused(t *testing.T) {
	for name, auth := range map[string]oauth2grant.ClientAuth{
		"Basic, empty":                    oauth2grant.SecretBasic("a", ""),
		"Basic, white space":              oauth2grant.SecretBasic("a", " \n"),
		"the form, empty":                 oauth2grant.SecretPost("a", ""),
		"the form, white space":           oauth2grant.SecretPost("a", "\t"),
		"a header, empty":                 oauth2grant.AuthorizationHeader("a", ""),
		"a header, white space":           oauth2grant.AuthorizationHeader("a", " "),
		"a header with a line end":        oauth2grant.AuthorizationHeader("a", "Basic x\r\nX: y"),
		"a header beyond ASCII":           oauth2grant.AuthorizationHeader("a", "Basic é"),
		"no client id":                    oauth2grant.SecretBasic("", "s"),
		"a header without a client id":    oauth2grant.AuthorizationHeader("", "Basic x"),
		"a func that is nil":              oauth2grant.SecretFunc("a", oauth2grant.MethodPost, nil),
		"a file, by a method nobody has ": oauth2grant.SecretFile("a", "jwt", "secret"),
	} {
		cfg := configFor(granttest.New(granttest.Config{}))
		cfg.Auth = auth
		_, err := oauth2grant.NewClient(cfg)
		wantIs(t, err, oauth2grant.ErrConfig)
		if strings.HasPrefix(name, "Basic") && !strings.Contains(err.Error(), "Public") {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := configFor(granttest.New(granttest.Config{}))
	cfg.Auth = oauth2grant.SecretFunc("a", oauth2grant.MethodPost, func(context.Context) (string, error) {
		return "", nil
	})
	_, err := newClient(t, cfg).Refresh(t.Context(), "R", nil)
	if err == nil || !strings.Contains(err.Error(), "Public") {
		t.Errorf("a func that returns none: %v", err)
	}
}

func TestSecretFunc_ItsErrorReachesTheCaller(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	locked := errors.New("the vault is locked")
	cfg := configFor(srv)
	cfg.Auth = oauth2grant.SecretFunc("client", oauth2grant.MethodPost, func(context.Context) (string, error) {
		return "", locked
	})
	_, err := newClient(t, cfg).RequestToken(t.Context(), url.Values{"grant_type": {"client_credentials"}})
	wantIs(t, err, locked)
	if n := srv.Count(granttest.Token); n != 0 {
		t.Errorf("%d token requests were sent", n)
	}
}

func TestSecretFunc_SeesTheContextAndIsAskedForEachSend(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	type key struct{}
	asked := 0
	cfg := configFor(srv)
	cfg.Auth = oauth2grant.SecretFunc("client", oauth2grant.MethodBasic, func(ctx context.Context) (string, error) {
		asked++
		secret, _ := ctx.Value(key{}).(string)
		return secret, nil
	})
	c := newClient(t, cfg)
	for range 3 {
		_, err := c.RequestToken(context.WithValue(t.Context(), key{}, "secret"),
			url.Values{"grant_type": {"client_credentials"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

func TestSecretFile_WarnsOnceOfOneThatEverybodyReads(t *testing.T) {
	for mode, want := range map[fs.FileMode]int{0o600: 0, 0o640: 0, 0o644: 1, 0o444: 1} {
		if runtime.GOOS == "windows" {
			want = 0
		}
		t.Run(mode.String(), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret")
			if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			srv := granttest.New(granttest.Config{})
			cfg := configFor(srv)
			var log bytes.Buffer
			cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			cfg.Auth = oauth2grant.SecretFile("client", oauth2grant.MethodBasic, path)
			for range 2 { // the file is the same for both
				g := open(t, oauth2grant.ClientCredentials{}, cfg)
				ensure(t, g)
				if _, err := g.FetchToken(t.Context()); err != nil {
					t.Fatal(err)
				}
				_ = g.Close()
			}
			got := strings.Count(log.String(), "level=WARN")
			if got != want || strings.Count(log.String(), path) != want {
				t.Errorf("it warns %d times, want %d: %s", got, want, log.String())
			}
		})
	}
}
