//go:build unix

package filestore_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// huge does not fit where little room is.
var huge = oauth2grant.Token{AccessToken: strings.Repeat("marked-secret", 20_000)}

// saveWithinLimit fails to save in a process that may not write large files.
func saveWithinLimit(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 4096, Max: 4096}); err != nil {
		return err
	}
	s, err := filestore.Open(filestore.Config{Path: path})
	if err != nil {
		return err
	}
	err = s.Save(context.Background(), huge)
	if !errors.Is(err, syscall.EFBIG) {
		return errors.Join(errors.New("want EFBIG"), err)
	}
	return nil
}

func TestSave_WithoutRoomLeavesTheOldToken(t *testing.T) {
	intact := func(t *testing.T, s *filestore.Store) {
		t.Helper()
		holds(t, s, older)
		got := slices.DeleteFunc(names(t, s), func(n string) bool { return strings.HasSuffix(n, ".lock") })
		if !slices.Equal(got, []string{"token.json"}) {
			t.Errorf("the folder has %q", got)
		}
	}
	t.Run("for a large file", func(t *testing.T) {
		s := stored(t, filestore.Config{})
		binary, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), binary)
		cmd.Env = append(os.Environ(), envChild+"=limited "+s.Path())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		intact(t, s)
	})
	dir := filepath.Join(t.TempDir(), "small")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if !mountSmall(t, dir) { // needs privileges; the limit above stands in for it
		return
	}
	t.Run("on the disk", func(t *testing.T) {
		s := stored(t, filestore.Config{Path: filepath.Join(dir, "token.json")})
		err := s.Save(t.Context(), huge)
		fails(t, s, err, syscall.ENOSPC)
		intact(t, s)
		if err := s.Save(t.Context(), newer); err != nil { // the room of the failed one is free again
			t.Fatal(err)
		}
		holds(t, s, newer)
	})
}
