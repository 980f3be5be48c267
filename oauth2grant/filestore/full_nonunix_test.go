//go:build !unix

package filestore_test

import "errors"

// saveWithinLimit needs a Unix system.
func saveWithinLimit(string) error { return errors.ErrUnsupported }
