package filestore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func write(tb testing.TB, path string, data []byte) {
	tb.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		tb.Fatal(err)
	}
}

func TestLoad_WhatIsNoTokenIsCorruptAndStays(t *testing.T) {
	s := stored(t, filestore.Config{})
	whole := content(t, s)
	for name, data := range map[string][]byte{
		"empty":                  nil,
		"blank":                  []byte("\n"),
		"cut short":              whole[:len(whole)/2],
		"without its last byte":  whole[:len(whole)-1],
		"twice":                  append(append([]byte{}, whole...), whole...),
		"garbage":                []byte("\x00\xffgarbage"),
		"another JSON":           []byte(`{"some":"marked-secret"}`),
		"no object":              []byte(`["marked-secret"]`),
		"null":                   []byte(`null`),
		"a record without token": []byte(`{"oauth2grant_file":1,"version":3}`),
		"a record with null":     []byte(`{"oauth2grant_file":1,"version":3,"token":null}`),
		"a record with no token": []byte(`{"oauth2grant_file":1,"version":3,"token":{}}`),
		"a negative version": []byte(
			`{"oauth2grant_file":1,"version":-3,"token":{"access_token":"marked-secret"}}`),
		"a later format": []byte(`{"oauth2grant_file":2,"version":3,"token":{"access_token":"marked-secret"}}`),
		"too large":      []byte(`{"access_token":"` + strings.Repeat("x", filestore.MaxSize) + `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			write(t, s.Path(), data)
			got, err := s.Load(t.Context())
			fails(t, s, err, filestore.ErrCorrupt)
			if errors.Is(err, oauth2grant.ErrNoToken) || got != (oauth2grant.Token{}) {
				t.Errorf("Load gave %v, %v", got, err)
			}
			if kept, err := os.ReadFile(s.Path()); err != nil || !bytes.Equal(kept, data) {
				t.Errorf("the file was changed: %v", err)
			}
			if err := s.Save(t.Context(), newer); err != nil {
				t.Fatal(err)
			}
			holds(t, s, newer)
		})
	}
}

func TestSave_ReplacesWhatIsCorruptedUnderTheLock(t *testing.T) {
	s := stored(t, filestore.Config{})
	held, _ := lock(t, s)
	for _, data := range []string{"", "garbage", `{"oauth2grant_file":1`, `{"oauth2grant_file":1,"version":99}`} {
		write(t, s.Path(), []byte(data))
		if err := s.Save(held, newer); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		holds(t, s, newer)
	}
}

func TestLoad_ASealedFileThatIsGarbageIsCorrupt(t *testing.T) {
	s := stored(t, filestore.Config{Keys: keys})
	write(t, s.Path(), content(t, s)[:30])
	_, err := s.Load(t.Context())
	fails(t, s, err, filestore.ErrCorrupt)
}

// TestLoad_ReadsTheFilesOfOthers reads what eight other libraries store, all of
// it long expired, and saves over it.
func TestLoad_ReadsTheFilesOfOthers(t *testing.T) {
	for name, data := range map[string]string{
		"golang.org/x/oauth2":   `{"access_token":"A","refresh_token":"R","expiry":"2020-02-03T05:05:06.5+01:00"}`,
		"aiohttp-oauth2-client": `{"access_token":"A","expires_in":3600,"refresh_token":"R","expires_at":1580702706}`,
		"Authlib":               `{"access_token":"A","refresh_token":"R","expires_in":"3600","expires_at":1580702706}`,
		"httpx-oauth":           `{"access_token":"A","refresh_token":"R","expires_at":1580702706}`,
		"requests-oauthlib":     `{"access_token":"A","refresh_token":"R","scope":["a"],"expires_at":1580702706.5}`,
		"MSAL, an answer":       `{"access_token":"A","refresh_token":"R","expires_on":"1580702706"}`,
		"MSAL, its cache": `{"AccessToken":{"k":{"secret":"A","expires_on":"1580702706"}},` +
			`"RefreshToken":{"k":{"secret":"R"}}}`,
		"AWS SSO":           `{"accessToken":"A","refreshToken":"R","expiresAt":"2020-02-03T04:05:06Z","region":"x"}`,
		"AWS SSO, long ago": `{"accessToken":"A","refreshToken":"R","expiresAt":"2020-02-03T04:05:06UTC"}`,
		"gcloud": `{"credential":{"access_token":"A","refresh_token":"R",` +
			`"token_expiry":"2020-02-03T04:05:06Z"}}`,
		"gcloud's Python one":  `{"token":"A","refresh_token":"R","expiry":"2020-02-03T04:05:06.000000Z"}`,
		"a byte order mark":    "\xef\xbb\xbf" + `{"access_token":"A","refresh_token":"R","expires_at":1}` + "\r\n",
		"an answer as it came": `{"access_token":"A","refresh_token":"R","expires_in":3600}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, filestore.Config{})
			write(t, s.Path(), []byte(data))
			got, err := s.Load(t.Context())
			if err != nil || got.AccessToken != "A" || got.RefreshToken != "R" {
				t.Fatalf("got %v, %v", got, err)
			}
			if got.Expiry.IsZero() || got.Expiry.Year() > 2020 {
				t.Errorf("it expires %v", got.Expiry)
			}
			held, _ := lock(t, s)
			if err := s.Save(held, newer); err != nil {
				t.Fatal(err)
			}
			holds(t, s, newer)
		})
	}
}

func TestLoad_ReadsBareTokens(t *testing.T) {
	ours, err := json.Marshal(older)
	if err != nil {
		t.Fatal(err)
	}
	xoauth2 := `{"access_token":"marked-secret-older","token_type":"Bearer",` +
		`"refresh_token":"marked-secret-r1","expiry":"0001-01-01T00:00:00Z"}`
	for name, data := range map[string]string{
		"ours": string(ours), "of x/oauth2": xoauth2, "indented": "{\n\t" + xoauth2[1:] + "\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, filestore.Config{})
			write(t, s.Path(), []byte(data))
			holds(t, s, older)
			held, _ := lock(t, s)
			if err := s.Save(held, newer); err != nil {
				t.Fatal(err)
			}
			holds(t, s, newer)
			if v := version(t, s); v != 1 {
				t.Errorf("the first save over a bare token is version %d", v)
			}
		})
	}
}

func version(tb testing.TB, s *filestore.Store) uint64 {
	tb.Helper()
	var r struct{ Version uint64 }
	if err := json.Unmarshal(content(tb, s), &r); err != nil {
		tb.Fatal(err)
	}
	return r.Version
}

func TestSave_TheVersionGrowsAndSurvivesDelete(t *testing.T) {
	s := stored(t, filestore.Config{})
	last := version(t, s)
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return s.Save(ctx, newer) },
		func(ctx context.Context) error { return errors.Join(s.Delete(ctx), s.Save(ctx, newer)) },
		func(ctx context.Context) error {
			return errors.Join(s.Delete(ctx), s.Save(ctx, newer), s.Delete(ctx), s.Delete(ctx), s.Save(ctx, older))
		},
	} {
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v := version(t, s); v <= last {
			t.Errorf("version %d comes after %d", v, last)
		} else {
			last = v
		}
	}
}

func TestSave_RefusesATokenThatIsTooLargeAndKeepsTheOldOne(t *testing.T) {
	s := stored(t, filestore.Config{})
	large := newer
	large.AccessToken = strings.Repeat("x", filestore.MaxSize)
	if err := s.Save(t.Context(), large); !errors.Is(err, filestore.ErrTooLarge) {
		t.Errorf("Save gave %v", err)
	}
	holds(t, s, older)
}

func TestSave_TheZeroTokenIsNone(t *testing.T) {
	s := stored(t, filestore.Config{})
	if err := s.Save(t.Context(), oauth2grant.Token{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("Load gave %v", err)
	}
}

func TestLoad_ASealedTokenIsBoundToItsPlaceAndKey(t *testing.T) {
	s := stored(t, filestore.Config{Keys: keys})
	data := content(t, s)
	if bytes.Contains(data, []byte("marked")) {
		t.Fatalf("the file shows the token: %s", data)
	}
	dir := filepath.Dir(s.Path())
	other := seal.Keys("k1", map[string][]byte{"k1": bytes.Repeat([]byte{7}, seal.KeySize)})
	rotated := seal.Keys("k2", map[string][]byte{"k1": []byte(keyText), "k2": bytes.Repeat([]byte{7}, seal.KeySize)})
	bare := []byte(`{"access_token":"marked-secret-older","token_type":"Bearer","refresh_token":"marked-secret-r1"}`)
	for name, c := range map[string]struct {
		cfg  filestore.Config
		data []byte
		want error
	}{
		"moved to another name": {
			filestore.Config{Path: filepath.Join(dir, "other.json"), Keys: keys}, data, seal.ErrOpen,
		},
		"with another key":  {filestore.Config{Path: s.Path(), Keys: other}, data, seal.ErrOpen},
		"with an older key": {filestore.Config{Path: s.Path(), Keys: rotated}, data, nil},
		"without a key":     {filestore.Config{Path: s.Path()}, data, seal.ErrKey},
		"moved with its label": {
			filestore.Config{Path: filepath.Join(dir, "moved.json"), Keys: keys, Label: s.Path()}, data, nil,
		},
		"in clear":                    {filestore.Config{Path: s.Path(), Keys: keys}, bare, seal.ErrPlain},
		"in clear during a migration": {filestore.Config{Path: s.Path(), Keys: keys, AcceptPlain: true}, bare, nil},
		"in clear, in a record of now": {
			filestore.Config{Path: s.Path(), Keys: keys},
			[]byte(`{"oauth2grant_file":1,"version":1,"token":` + string(bare) + `}`), seal.ErrPlain,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, c.cfg)
			write(t, s.Path(), c.data)
			if c.want == nil {
				holds(t, s, older)
				return
			}
			_, err := s.Load(t.Context())
			fails(t, s, err, c.want)
		})
	}
}

func TestSave_AKeyThatCannotBeHadLeavesTheFileAlone(t *testing.T) {
	s := stored(t, filestore.Config{Keys: keys})
	broken := open(t, filestore.Config{Path: s.Path(), Keys: seal.Keys("k9", nil)})
	fails(t, s, broken.Save(t.Context(), newer), seal.ErrKey)
	holds(t, s, older)
}

func FuzzDecode(f *testing.F) {
	dir := filepath.Join(f.TempDir(), "private")
	s, err := filestore.Open(filestore.Config{Path: filepath.Join(dir, "token.json")})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"oauth2grant_file":1,"version":1,"token":{"access_token":"marked-secret"}}`))
	f.Add([]byte(`{"access_token":"marked-secret","expires_in":"marked-secret"}`))
	f.Add([]byte(
		`{"oauth2grant_file":1,"version":1,"token":{"oauth2grant_sealed":1,"alg":"A256GCM","kid":"k1","data":"AAAA"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		token, err := s.Decode(t.Context(), data)
		switch {
		case err == nil && token == (oauth2grant.Token{}):
			t.Error("no token and no error")
		case err != nil && (errors.Is(err, oauth2grant.ErrNoToken) || strings.Contains(err.Error(), "marked-secret")):
			t.Errorf("the error is %v", err)
		}
	})
}
