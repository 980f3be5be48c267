//go:build !linux

package keyringstore_test

import "github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"

var harness storetest.Harness

// inSession does nothing: the tests of a real keyring are those of Linux, since
// others can't be had without a person.
func inSession() (ended bool, code int) { return false, 0 }

func leaveSession() {}
