package e2e

import (
	"os"
	"syscall"
	"testing"
)

// mountSmall mounts a file system of 64 KiB, if this process may. It goes with
// the test.
func mountSmall(t *testing.T, dir string) bool {
	t.Helper()
	if os.Geteuid() != 0 || syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=700") != nil {
		return false
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	return true
}
