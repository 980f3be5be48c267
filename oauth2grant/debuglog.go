package oauth2grant

import (
	"context"
	"log/slog"
	"time"
)

// What a grant does between two events is logged at debug level, in the same
// keys: see docs/operating.md.

// logDiscovery says that the server's metadata was asked for.
func logDiscovery(ctx context.Context, issuer string, took time.Duration, err error) {
	log := witnessOf(ctx).log
	if log == nil {
		return // the Client is used without a grant
	}
	host := new(Error).at(issuer).Host
	text, attrs := "server discovered", []slog.Attr{slog.String("server", host), slog.Float64("took", took.Seconds())}
	if err != nil {
		text, attrs = "server not discovered", append(attrs, slog.Any("error", err))
	}
	log.LogAttrs(ctx, slog.LevelDebug, text, attrs...)
}

// waitingForLock says that the lock of a durable store is asked for now.
func (c *custody) waitingForLock(ctx context.Context) (asked time.Time) {
	if c.durable {
		c.log.LogAttrs(ctx, slog.LevelDebug, "waiting for the lock")
	}
	return time.Now()
}

// waitedForLock says how that ended.
func (c *custody) waitedForLock(ctx context.Context, asked time.Time, err error) {
	if !c.durable || !c.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	text, attrs := "lock taken", []slog.Attr{slog.Float64("waited", time.Since(asked).Seconds())}
	if err != nil {
		text, attrs = "lock not taken", append(attrs, slog.Any("error", err))
	}
	c.log.LogAttrs(ctx, slog.LevelDebug, text, attrs...)
}
