//go:build unix

package identity

import (
	"os/exec"
	"syscall"
)

// asGroup makes a command the leader of a process group, which is killed as a
// whole.
func asGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
