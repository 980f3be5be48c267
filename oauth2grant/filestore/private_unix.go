//go:build unix

package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// openFlags are added to open a file that exists.
const openFlags = syscall.O_NONBLOCK

// lockFlags open the lock file without following a link or waiting for a pipe.
const lockFlags = os.O_RDONLY | os.O_CREATE | syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// checkFolder refuses a folder in which others could put a file.
func checkFolder(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%w: others may write to the folder %s (mode %04o): run chmod go-w on it, or keep the token in a folder below", ErrInsecure, path, mode)
	}
	if uid := owner(info); uid != os.Geteuid() && uid != 0 {
		return fmt.Errorf("%w: the folder %s belongs to user %d: keep the token in a folder of your own", ErrInsecure, path, uid)
	}
	return nil
}

// checkFile refuses a file that is not private to us.
func checkFile(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is no regular file but %s: remove it", ErrInsecure, path, info.Mode())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: others may open %s (mode %04o): run chmod 600 on it, and sign in again if they may have read it", ErrInsecure, path, mode)
	}
	if uid := owner(info); uid != os.Geteuid() {
		return fmt.Errorf("%w: %s belongs to user %d: remove it, or run as that user", ErrInsecure, path, uid)
	}
	return nil
}

func owner(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1
}

// syncFolder makes the names in a folder durable, where the file system knows
// how to.
func syncFolder(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := dir.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
