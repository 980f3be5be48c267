package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	pollInterval = time.Second
	// late is how long a change may take from its time to its commit and still
	// be seen.
	late = 4 * time.Second
)

// Watch implements [leasestore.Backend].
func (b *backend) Watch(ctx context.Context, ready func(), changed func(key string)) error {
	if b.cfg.Listen {
		return b.listen(ctx, ready, changed)
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var seen map[string]int64
	for last := time.Now(); ; {
		began := time.Now()
		since := max(began.Sub(last), began.Round(0).Sub(last.Round(0))) // the machine may have slept
		now, err := b.poll(ctx, since+late)
		if err != nil {
			return err
		}
		if seen == nil {
			ready()
		}
		for key, told := range now {
			if old, known := seen[key]; seen != nil && (!known || old != told) {
				changed(key)
			}
		}
		seen, last = now, began
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// poll returns what has changed since, and when, in microseconds since 1970.
func (b *backend) poll(ctx context.Context, since time.Duration) (map[string]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, late)
	defer cancel()
	var keys []string
	var told []int64
	err := b.row(ctx, []any{&keys, &told}, b.sql.poll, since.Milliseconds())
	changes := map[string]int64{}
	for i, key := range keys {
		changes[key] = told[i]
	}
	return changes, err
}

// listen watches over a connection of its own.
func (b *backend) listen(ctx context.Context, ready func(), changed func(key string)) error {
	limited, cancel := context.WithTimeout(ctx, late)
	defer cancel()
	pooled, err := b.pool.Acquire(limited)
	if err != nil {
		return clean(err)
	}
	conn := pooled.Hijack()
	defer func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), late)
		defer cancel()
		_ = conn.Close(limited)
	}()
	if _, err := conn.Exec(limited, "LISTEN "+channel); err != nil {
		return clean(err)
	}
	ready()
	for {
		told, err := next(ctx, conn)
		if err != nil {
			return clean(err)
		}
		if told != nil {
			changed(told.Payload)
		}
	}
}

// next returns what the server tells, or nil if it tells nothing and is still
// there.
func next(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	limited, cancel := context.WithTimeout(ctx, late)
	defer cancel()
	told, err := conn.WaitForNotification(limited)
	if err == nil || ctx.Err() != nil || limited.Err() == nil {
		return told, err
	}
	answered, cancel := context.WithTimeout(ctx, late)
	defer cancel()
	return nil, conn.Ping(answered)
}
