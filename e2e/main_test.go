package e2e

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	beWorker() // does not return in a worker process
	goleak.VerifyTestMain(withBrowser{m})
}
