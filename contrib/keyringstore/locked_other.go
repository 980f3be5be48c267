//go:build !((dragonfly && cgo) || (freebsd && cgo) || linux || netbsd || openbsd)

package keyringstore

import (
	"errors"
	"os/exec"
	"slices"
)

// The exit codes of security(1), each the low byte of a code of the Keychain.
const (
	interactionNotAllowed = -25308 & 0xff
	authFailed            = -25293 & 0xff
	userCanceled          = -128 & 0xff
)

// isLocked reports whether a call failed because the Keychain of macOS is
// locked. The Credential Manager of Windows is open with the session.
func isLocked(err error) bool {
	e, ok := errors.AsType[*exec.ExitError](err)
	return ok && slices.Contains([]int{interactionNotAllowed, authFailed, userCanceled}, e.ExitCode())
}
