package filestore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/crashpoint"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

// envChild has what a child of this test binary does, and where.
const envChild = "FILESTORE_TEST_CHILD"

func TestMain(m *testing.M) {
	storetest.Subprocess(plain, sealed)
	if role, path, ok := strings.Cut(os.Getenv(envChild), " "); ok {
		if err := child(role, path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// child runs in a process of its own.
func child(role, path string) error {
	if role == "limited" {
		return saveWithinLimit(path)
	}
	crashpoint.At = func(point string) {
		if point == role {
			fmt.Println("at", point)
			select {} // until killed
		}
	}
	s, err := filestore.Open(filestore.Config{Path: path})
	if err != nil {
		return err
	}
	held, unlock, err := s.Lock(context.Background())
	if err != nil {
		return err
	}
	defer unlock()
	return s.Save(held, newer)
}

var (
	older = oauth2grant.Token{AccessToken: "marked-secret-older", TokenType: "Bearer", RefreshToken: "marked-secret-r1"}
	newer = oauth2grant.Token{AccessToken: "marked-secret-newer", TokenType: "Bearer", RefreshToken: "marked-secret-r2"}
)

const keyText = "0123456789-very-marked-key-00000"

var keys = seal.Keys("k1", map[string][]byte{"k1": []byte(keyText)})

func harness(name string, cfg filestore.Config) storetest.Harness {
	return storetest.Harness{
		Name: name,
		Open: func(place string) (oauth2grant.Store, error) {
			cfg := cfg
			cfg.Path = place
			return filestore.Open(cfg)
		},
		Place:     func(tb testing.TB) string { tb.Helper(); return filepath.Join(privateDir(tb), "token.json") },
		Processes: true,
		Notifies:  true,
		Answers:   true,
		MaxToken:  900 << 10 * 3 / 4, // base64 adds a third
		Secrets:   []string{keyText},
		Corrupt:   func(place string, data []byte) error { return os.WriteFile(place, data, 0o600) },
		Break: func(place string) (func(), error) {
			dir := filepath.Dir(place)
			err := errors.Join(os.Rename(dir, dir+".away"), os.WriteFile(dir, nil, 0o600))
			return func() {
				if err := errors.Join(os.Remove(dir), os.Rename(dir+".away", dir)); err != nil {
					panic(err)
				}
			}, err
		},
	}
}

var (
	plain  = harness("plain", filestore.Config{})
	sealed = harness("sealed", filestore.Config{Keys: keys})
)

func TestConformance(t *testing.T) {
	t.Run("in clear", func(t *testing.T) { storetest.Run(t, plain) })
	t.Run("sealed", func(t *testing.T) { storetest.Run(t, sealed) })
	if n := filestore.Queues(); n != 0 {
		t.Errorf("%d places are still in use", n)
	}
}

// privateDir returns a folder that others can't write to, whatever the umask.
func privateDir(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "private")
	if err := os.Mkdir(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func open(tb testing.TB, cfg filestore.Config) *filestore.Store {
	tb.Helper()
	if cfg.Path == "" && cfg.Name == "" {
		cfg.Path = filepath.Join(privateDir(tb), "token.json")
	}
	s, err := filestore.Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// stored returns a store that holds the older token.
func stored(tb testing.TB, cfg filestore.Config) *filestore.Store {
	tb.Helper()
	s := open(tb, cfg)
	if err := s.Save(tb.Context(), older); err != nil {
		tb.Fatal(err)
	}
	return s
}

func lock(tb testing.TB, s *filestore.Store) (held context.Context, unlock func()) {
	tb.Helper()
	held, unlock, err := s.Lock(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(unlock)
	return held, unlock
}

func holds(tb testing.TB, s *filestore.Store, want oauth2grant.Token) {
	tb.Helper()
	if got, err := s.Load(tb.Context()); err != nil || got != want {
		tb.Errorf("Load gave %v, %v, want %v (the same: %t)", got, err, want, got == want)
	}
}

// fails asserts an error that is want, names the path and shows no secret.
func fails(tb testing.TB, s *filestore.Store, err, want error) {
	tb.Helper()
	switch {
	case !errors.Is(err, want):
		tb.Errorf("the error is %v, want %v", err, want)
	case !strings.Contains(err.Error(), filepath.Dir(s.Path())):
		tb.Errorf("the error does not say where: %v", err)
	case strings.Contains(err.Error(), "marked"):
		tb.Errorf("the error shows a secret: %v", err)
	}
}

// names lists the folder of s.
func names(tb testing.TB, s *filestore.Store) []string {
	tb.Helper()
	entries, err := os.ReadDir(filepath.Dir(s.Path()))
	if err != nil {
		tb.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func content(tb testing.TB, s *filestore.Store) []byte {
	tb.Helper()
	data, err := os.ReadFile(s.Path())
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.TrimSpace(data)
}
