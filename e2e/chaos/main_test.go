package chaos

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	beWorker() // does not return in a worker
	goleak.VerifyTestMain(m)
}
