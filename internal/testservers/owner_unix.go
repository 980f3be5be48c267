//go:build !windows

package testservers

import "syscall"

// owner returns what makes a process belong to that user and group.
func owner(uid, gid uint32) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
}
