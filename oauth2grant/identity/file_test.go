package identity_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/identity"
)

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// age makes a file look as if it had been written a while ago.
func age(t testing.TB, path string) {
	t.Helper()
	then := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
}

func TestFile_ReadsWhatIsThereNow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	s := identity.File(path)
	for name, content := range good {
		t.Run(name, func(t *testing.T) {
			want := content()
			write(t, path, "\ufeff \n"+want+"\r\n")
			age(t, path)
			if got := get(t, s); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestFile_TakesSomethingOpaqueOnceItStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "opaque") // just now: it may be half of it
	if got := get(t, identity.File(path)); got != "opaque" {
		t.Errorf("got %q", got)
	}
}

func TestFile_Refuses(t *testing.T) {
	for name, c := range bad {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			synctest.Test(t, func(t *testing.T) { // some wait for the rest
				write(t, path, c.content())
				wantError(t, identity.File(path), c.want, path)
			})
		})
	}
}

func TestFile_RefusesWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	_, err := identity.File(filepath.Join(dir, "none"))(t.Context())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	wantError(t, identity.File(dir), "not a regular file")
}

func TestFile_LeavesWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write(t, path, "")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := identity.File(path)(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// replacements are the ways in which a platform may replace a token file.
var replacements = map[string]func(dir string, n int, content string) error{
	"by renaming": func(dir string, n int, content string) error {
		next := filepath.Join(dir, fmt.Sprint("next", n))
		if err := os.WriteFile(next, []byte(content), 0o600); err != nil {
			return err
		}
		return os.Rename(next, filepath.Join(dir, "token"))
	},
	"by writing it anew": func(dir string, _ int, content string) error {
		f, err := os.OpenFile(filepath.Join(dir, "token"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		for _, part := range []string{content[:40], content[40 : len(content)-10], content[len(content)-10:]} {
			if _, err := f.WriteString(part); err != nil {
				return err
			}
			time.Sleep(3 * time.Millisecond) // readers see it half written
		}
		return nil
	},
	"by swapping a link, as Kubernetes does": func(dir string, n int, content string) error {
		version := filepath.Join(dir, fmt.Sprint("..version", n))
		if err := os.Mkdir(version, 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(version, "token"), []byte(content), 0o600); err != nil {
			return err
		}
		data := filepath.Join(dir, "..data")
		old, _ := os.Readlink(data)
		if err := os.Symlink(version, data+"_tmp"); err != nil {
			return err
		}
		if err := os.Rename(data+"_tmp", data); err != nil {
			return err
		}
		if n == 0 {
			return os.Symlink(filepath.Join("..data", "token"), filepath.Join(dir, "token"))
		}
		return os.RemoveAll(old)
	},
	"by removing and writing it": func(dir string, _ int, content string) error {
		path := filepath.Join(dir, "token")
		_ = os.Remove(path)
		time.Sleep(3 * time.Millisecond)
		return os.WriteFile(path, []byte(content), 0o600)
	},
}

func TestFile_CanBeReplacedAtAnyMoment(t *testing.T) {
	for name, replace := range replacements {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			made := map[string]bool{}
			var mu sync.Mutex
			put := func(n int) {
				content := lasting(time.Hour)
				mu.Lock()
				made[content] = true
				mu.Unlock()
				if err := replace(dir, n, content); err != nil {
					t.Error(err)
				}
			}
			put(0)
			s := identity.File(filepath.Join(dir, "token"))
			get(t, s)
			done := make(chan struct{})
			var readers, reading sync.WaitGroup
			for range 8 {
				reading.Add(1)
				begun := sync.OnceFunc(reading.Done)
				readers.Go(func() {
					defer begun()
					for {
						select {
						case <-done:
							return
						default:
						}
						got, err := s(context.Background())
						mu.Lock()
						known := made[got]
						mu.Unlock()
						if err != nil || !known {
							t.Errorf("read %q, %v", got, err)
							return
						}
						begun()
					}
				})
			}
			reading.Wait()
			for n := 1; n <= 40; n++ {
				put(n)
			}
			close(done)
			readers.Wait()
		})
	}
}
