//go:build unix

package filestore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// stat is a FileInfo of any user's.
type stat struct {
	mode fs.FileMode
	uid  int
}

func (s stat) Name() string       { return "token.json" }
func (s stat) Size() int64        { return 0 }
func (s stat) Mode() fs.FileMode  { return s.mode }
func (s stat) ModTime() time.Time { return time.Time{} }
func (s stat) IsDir() bool        { return s.mode.IsDir() }
func (s stat) Sys() any           { return &syscall.Stat_t{Uid: uint32(s.uid)} }

func TestStore_Owners(t *testing.T) {
	me, other := os.Geteuid(), os.Geteuid()+1
	for name, c := range map[string]struct {
		check func(string, fs.FileInfo) error
		info  stat
		want  error
	}{
		"our own file":               {checkFile, stat{0o600, me}, nil},
		"a file of another user":     {checkFile, stat{0o600, other}, ErrInsecure},
		"a private file, read only":  {checkFile, stat{0o400, me}, nil},
		"our own folder":             {checkFolder, stat{0o755 | fs.ModeDir, me}, nil},
		"the system's folder":        {checkFolder, stat{0o755 | fs.ModeDir, 0}, nil},
		"a folder of another user":   {checkFolder, stat{0o700 | fs.ModeDir, other}, ErrInsecure},
		"a shared folder like /tmp":  {checkFolder, stat{0o777 | fs.ModeDir | fs.ModeSticky, 0}, ErrInsecure},
		"a folder that a group uses": {checkFolder, stat{0o775 | fs.ModeDir, me}, ErrInsecure},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.check("/place/token.json", c.info); !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
		})
	}
}

func TestStore_TheDescriptorDecidesNotTheName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token.json")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	named, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if ok, err := isPrivate(file, named); !ok || err != nil {
		t.Errorf("a private file gives %t, %v", ok, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := isPrivate(file, named); !errors.Is(err, ErrInsecure) {
		t.Errorf("opened to others after the name was looked up: %v", err)
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.Rename(path, path+".old"),
		os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if named, err = os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	if ok, err := isPrivate(file, named); ok || err != nil {
		t.Errorf("replaced after the name was looked up: %t, %v", ok, err)
	}
}
