//go:build unix

package filestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// tampering is what makes the file at a path insecure.
func tampering() map[string]func(path string) error {
	list := map[string]func(path string) error{
		"readable by all":       func(path string) error { return os.Chmod(path, 0o644) },
		"readable by the group": func(path string) error { return os.Chmod(path, 0o640) },
		"writable by all":       func(path string) error { return os.Chmod(path, 0o602) },
		"a link to a private file": func(path string) error {
			return errors.Join(os.Rename(path, path+".real"), os.Symlink("token.json.real", path))
		},
		"a link to nothing": func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink("nothing", path))
		},
		"a link to somewhere else": func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink("/etc/passwd", path))
		},
		"a folder": func(path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700))
		},
		"a pipe that nobody writes": func(path string) error {
			return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))
		},
		"in a folder of all":     func(path string) error { return os.Chmod(filepath.Dir(path), 0o777) },
		"in a folder of a group": func(path string) error { return os.Chmod(filepath.Dir(path), 0o770) },
	}
	if os.Geteuid() == 0 { // TestStore_Owners covers it for everybody
		list["of another user"] = func(path string) error { return os.Chown(path, 12345, -1) }
		list["in a folder of another user"] = func(path string) error { return os.Chown(filepath.Dir(path), 12345, -1) }
	}
	return list
}

func TestLoad_RefusesWhatIsNotPrivate(t *testing.T) {
	for name, tamper := range tampering() {
		t.Run(name, func(t *testing.T) {
			s := stored(t, filestore.Config{})
			holds(t, s, older)
			if err := tamper(s.Path()); err != nil { // while in use
				t.Fatal(err)
			}
			_, err := s.Load(t.Context())
			fails(t, s, err, filestore.ErrInsecure)
		})
	}
}

func TestLock_RefusesALockThatIsNotPrivate(t *testing.T) {
	for name, tamper := range tampering() {
		t.Run(name, func(t *testing.T) {
			s := stored(t, filestore.Config{})
			_, unlock := lock(t, s)
			unlock()
			if err := tamper(s.Path() + ".lock"); err != nil {
				t.Fatal(err)
			}
			_, _, err := s.Lock(t.Context())
			fails(t, s, err, filestore.ErrInsecure)
			fails(t, s, s.Save(t.Context(), newer), filestore.ErrInsecure)
		})
	}
}

func TestSave_ReplacesWhatLoadRefuses(t *testing.T) {
	for name, tamper := range tampering() {
		s := stored(t, filestore.Config{})
		if err := tamper(s.Path()); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Dir(s.Path()))
		if err != nil {
			t.Fatal(err)
		}
		named, err := os.Lstat(s.Path())
		if err != nil {
			t.Fatal(err)
		}
		if named.Mode()&os.ModeSymlink != 0 {
			continue // TestStore_RefusesALinkAlike
		}
		if named.IsDir() || info.Mode().Perm() != 0o700 || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
			continue // a folder can't be replaced by a file, and a folder of others stays one
		}
		t.Run(name, func(t *testing.T) {
			if err := s.Save(t.Context(), newer); err != nil {
				t.Fatal(err)
			}
			holds(t, s, newer)
		})
	}
}

func TestSave_ModesDoNotDependOnTheUmask(t *testing.T) {
	before := syscall.Umask(0)
	t.Cleanup(func() { syscall.Umask(before) })
	dir := filepath.Join(privateDir(t), "a", "b")
	s := stored(t, filestore.Config{Path: filepath.Join(dir, "token.json")})
	lock(t, s)
	for path, want := range map[string]os.FileMode{
		filepath.Dir(dir): 0o700 | os.ModeDir, dir: 0o700 | os.ModeDir, s.Path(): 0o600, s.Path() + ".lock": 0o600,
	} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
}

func TestStore_RefusesALinkAlike(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "token.json")
	if err := os.WriteFile(outside, []byte(`{"access_token":"marked-elsewhere"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"beside it":       "token.json.real",
		"by a long way":   "./../%/token.json.real", // % is the name of the folder
		"by a chain":      "chain",
		"elsewhere":       outside,
		"to nothing":      "nothing",
		"to itself":       "token.json",
		"to its folder":   ".",
		"to its lock":     "token.json.lock",
		"to a device":     "/dev/null",
		"to endless data": "/dev/zero",
		"to the root":     "/",
	} {
		t.Run(name, func(t *testing.T) {
			s := stored(t, filestore.Config{})
			dir := filepath.Dir(s.Path())
			target = strings.Replace(target, "%", filepath.Base(dir), 1)
			if err := errors.Join(
				os.Rename(s.Path(), s.Path()+".real"), os.Symlink("token.json.real", filepath.Join(dir, "chain")),
				os.Symlink(target, s.Path()),
			); err != nil {
				t.Fatal(err)
			}
			held, _ := lock(t, s)
			_, err := s.Load(held)
			got := map[string]error{"Load": err, "Save": s.Save(held, newer), "Delete": s.Delete(held)}
			for what, err := range got {
				t.Run(what, func(t *testing.T) { fails(t, s, err, filestore.ErrInsecure) })
			}
			if got, err := os.Readlink(s.Path()); err != nil || got != target {
				t.Errorf("the link points to %q, %v", got, err)
			}
			holds(t, open(t, filestore.Config{Path: s.Path() + ".real"}), older)
		})
	}
}
