//go:build !unix

package identity

import "os/exec"

// asGroup does nothing: only the command itself is killed.
func asGroup(*exec.Cmd) {}
