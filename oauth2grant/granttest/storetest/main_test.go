package storetest

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Subprocess(file, forgetful, lazy, sticky)
	goleak.VerifyTestMain(m)
}
