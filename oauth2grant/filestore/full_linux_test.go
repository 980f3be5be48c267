package filestore_test

import (
	"os"
	"syscall"
	"testing"
)

// mountSmall mounts a file system of 64 KiB, if this process may.
func mountSmall(t *testing.T, dir string) bool {
	t.Helper()
	if os.Geteuid() != 0 || syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=700") != nil {
		return false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return true
}
