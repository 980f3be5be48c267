package chaos

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	beWorker() // does not return in a worker
	goleak.VerifyTestMain(m)
}

// quiet keeps a client from telling of every server that is away.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
