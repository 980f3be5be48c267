//go:build !linux

package e2e

import "testing"

// mountSmall needs Linux.
func mountSmall(*testing.T, string) bool { return false }
