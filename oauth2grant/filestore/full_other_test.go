//go:build !linux

package filestore_test

import "testing"

// mountSmall needs Linux.
func mountSmall(*testing.T, string) bool { return false }
