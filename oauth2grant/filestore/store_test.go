package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/crashpoint"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	for _, v := range []string{"XDG_CONFIG_HOME", "HOME", "AppData"} {
		t.Setenv(v, dir)
	}
	base, err := os.UserConfigDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a name gives a path in the user's configuration", func(t *testing.T) {
		s := stored(t, filestore.Config{Name: "mytool"})
		want, err := filepath.EvalSymlinks(filepath.Join(base, "mytool", "token.json"))
		if err != nil || s.Path() != want {
			t.Errorf("the path is %s, want %s (%v)", s.Path(), want, err)
		}
	})
	t.Run("a relative path is made absolute", func(t *testing.T) {
		t.Chdir(privateDir(t))
		s := stored(t, filestore.Config{Path: "token.json"})
		if !filepath.IsAbs(s.Path()) {
			t.Errorf("the path is %s", s.Path())
		}
	})
	for name, cfg := range map[string]filestore.Config{
		"neither a name nor a path":       {},
		"both":                            {Name: "a", Path: "b"},
		"a name with a separator":         {Name: "a/b"},
		"a name with a foreign separator": {Name: `a\b`},
		"a name that climbs":              {Name: ".."},
		"a name that stays":               {Name: "."},
		"a name with a drive":             {Name: "c:x"},
		"a name with a zero byte":         {Name: "a\x00"},
		"a path of a folder":              {Path: dir + "/"},
		"a path with a zero byte":         {Path: dir + "/a\x00"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			if s, err := filestore.Open(cfg); err == nil {
				t.Errorf("Open gave %v", s)
			}
		})
	}
}

func TestOpen_TwoWaysToOneFolderAreOnePlace(t *testing.T) {
	s := stored(t, filestore.Config{})
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(s.Path()), link); err != nil {
		t.Fatal(err)
	}
	other := open(t, filestore.Config{Path: filepath.Join(link, "x", "..", "token.json")})
	if other.Path() != s.Path() {
		t.Fatalf("the paths are %s and %s", s.Path(), other.Path())
	}
	held, _ := lock(t, s)
	if err := other.Save(held, newer); err != nil { // the held of one is that of the other
		t.Error(err)
	}
}

func TestStore_DeletedWhileInUse(t *testing.T) {
	for name, remove := range map[string]func(s *filestore.Store) error{
		"the token":  func(s *filestore.Store) error { return os.Remove(s.Path()) },
		"the lock":   func(s *filestore.Store) error { return os.Remove(s.Path() + ".lock") },
		"the folder": func(s *filestore.Store) error { return os.RemoveAll(filepath.Dir(s.Path())) },
	} {
		t.Run(name, func(t *testing.T) {
			s := stored(t, filestore.Config{})
			held, unlock := lock(t, s)
			if err := remove(s); err != nil {
				t.Fatal(err)
			}
			fails(t, s, s.Save(held, newer), oauth2grant.ErrLockLost)
			unlock()
			again, _ := lock(t, s)
			if err := s.Save(again, newer); err != nil {
				t.Fatal(err)
			}
			holds(t, s, newer)
		})
	}
}

func TestDelete_WithoutAFolderIsNoError(t *testing.T) {
	s := open(t, filestore.Config{})
	if err := os.RemoveAll(filepath.Dir(s.Path())); err != nil {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Load(t.Context()); !errors.Is(err, oauth2grant.ErrNoToken) {
		t.Errorf("Load gave %v", err)
	}
}

func TestDelete_AHolderMayDeleteWhatIsNotThere(t *testing.T) {
	s := open(t, filestore.Config{})
	held, _ := lock(t, s)
	for range 2 {
		if err := errors.Join(s.Delete(held), s.Delete(held), s.Save(held, newer)); err != nil {
			t.Fatal(err)
		}
		holds(t, s, newer)
	}
}

func TestSave_AHolderDoesNotOverwriteWhatWasSavedWithoutTheLock(t *testing.T) {
	for name, change := range map[string]func(s *filestore.Store) error{
		"a save": func(s *filestore.Store) error { return s.Save(context.Background(), newer) },
		"a save and a delete": func(s *filestore.Store) error {
			return errors.Join(s.Save(context.Background(), newer), s.Delete(context.Background()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, filestore.Config{})
			held, _ := lock(t, s)
			if err := change(s); err != nil {
				t.Fatal(err)
			}
			before := names(t, s)
			fails(t, s, s.Save(held, older), oauth2grant.ErrLockLost)
			fails(t, s, s.Delete(held), oauth2grant.ErrLockLost)
			if after := names(t, s); !slices.Equal(before, after) {
				t.Errorf("the folder had %q, now %q", before, after)
			}
		})
	}
}

func TestDelete_LeavesNoSecretBehind(t *testing.T) {
	s := stored(t, filestore.Config{})
	write(t, filepath.Join(filepath.Dir(s.Path()), ".token.json.tmp"), []byte("marked-secret"))
	if err := s.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, s); !slices.Equal(got, []string{"token.json.lock", "token.json.write.lock"}) {
		t.Errorf("the folder has %q", got)
	}
}

func TestLock_SweepsWhatADeadWriterLeft(t *testing.T) {
	s := stored(t, filestore.Config{})
	temp := filepath.Join(filepath.Dir(s.Path()), ".token.json.tmp")
	write(t, temp, []byte("marked-secret"))
	_, unlock := lock(t, s)
	unlock()
	if _, err := os.Lstat(temp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}

	times, lived := 1, false
	disturb(t, "filestore.temp-written", &times, func() {
		_, unlock := lock(t, s)
		defer unlock()
		_, err := os.Lstat(temp)
		lived = err == nil
	})
	if err := s.Save(t.Context(), newer); err != nil || !lived {
		t.Errorf("the file of a living writer was taken away: %v, %v", !lived, err)
	}
	holds(t, s, newer)
}

// disturb calls f at a point, the first times.
func disturb(t *testing.T, at string, times *int, f func()) {
	t.Helper()
	before := crashpoint.At
	t.Cleanup(func() { crashpoint.At = before })
	crashpoint.At = func(point string) {
		if point == at && *times > 0 {
			*times--
			f()
		}
	}
}

func TestSave_IsTriedAgainIfItsTemporaryFileIsTakenAwayOrReplaced(t *testing.T) {
	for name, take := range map[string]func(temp string) error{
		"taken away": os.Remove,
		"replaced": func(temp string) error {
			return errors.Join(os.Remove(temp), os.WriteFile(temp, []byte("half"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := stored(t, filestore.Config{})
			times := 1
			disturb(t, "filestore.temp-written", &times, func() {
				if err := take(filepath.Join(filepath.Dir(s.Path()), ".token.json.tmp")); err != nil {
					t.Error(err)
				}
			})
			if err := s.Save(t.Context(), newer); err != nil {
				t.Fatal(err)
			}
			holds(t, s, newer)
			times = 100
			if err := s.Save(t.Context(), older); err == nil {
				t.Error("a Save that is disturbed for ever succeeded")
			}
		})
	}
}

func TestSave_AKillAtAnyPointLeavesAWholeToken(t *testing.T) {
	for point, want := range map[string]oauth2grant.Token{
		"filestore.locked": older, "filestore.temp-written": older, "filestore.renamed": newer,
		"filestore.saved": newer,
	} {
		t.Run(point, func(t *testing.T) {
			s := stored(t, filestore.Config{})
			binary, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), binary)
			cmd.Env = append(os.Environ(), envChild+"="+point+" "+s.Path())
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var at string
			if _, err := fmt.Fscanf(out, "at %s\n", &at); err != nil || at != point {
				t.Errorf("the other process is at %q, %v", at, err)
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()

			holds(t, s, want)
			held, _ := lock(t, s)
			last := oauth2grant.Token{AccessToken: "last"}
			if err := s.Save(held, last); err != nil {
				t.Fatal(err)
			}
			holds(t, s, last)
			got := names(t, s)
			if !slices.Equal(got, []string{"token.json", "token.json.lock", "token.json.write.lock"}) {
				t.Errorf("after the next save the folder has %q", got)
			}
		})
	}
}

func TestStore_ShowsItsPathOnly(t *testing.T) {
	s := open(t, filestore.Config{Keys: keys, Label: "marked-label"})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{s, *s} {
			if got := fmt.Sprintf(verb, value); got != s.String() || !strings.Contains(got, s.Path()) {
				t.Errorf("%s gives %s", verb, got)
			}
		}
	}
	if got := s.LogValue().String(); got != s.String() {
		t.Errorf("slog gives %s", got)
	}
}
