package engine

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashing) != "" {
		crash() // in the child of TestPanic_CrashesTheProgramWithItsOwnStack
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
