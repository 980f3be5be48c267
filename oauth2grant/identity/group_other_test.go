//go:build !unix

package identity_test

import (
	"os"
	"testing"
)

// wantGone ends the process: there are no process groups here.
func wantGone(t *testing.T, pid int) {
	t.Helper()
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}
