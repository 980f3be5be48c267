package e2e

import (
	"flag"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/workers"
)

func TestMain(m *testing.M) {
	workers.Be(work) // does not return in a worker process
	goleak.VerifyTestMain(withBrowser{m})
}

// partial reports whether only a part of the tests was asked for, so that a
// table of their outcomes has holes.
func partial() bool { return flag.Lookup("test.run").Value.String() != "" }
