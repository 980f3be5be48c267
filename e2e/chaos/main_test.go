package chaos

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/e2e/internal/workers"
)

func TestMain(m *testing.M) {
	redis.SetLogger(quiet{})
	workers.Be(work) // does not return in a worker
	goleak.VerifyTestMain(m)
}

// quiet keeps a client from telling of every server that is away.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
