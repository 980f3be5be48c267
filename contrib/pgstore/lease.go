package pgstore

import (
	"context"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgxpool"
)

// leaseKey finds the lease of one store in a context.
type leaseKey Store

// lease is one holding of the lock.
type lease struct {
	fence, version int64
	released       atomic.Bool
	turn           chan struct{} // holds one value while somebody uses conn
	conn           *pgxpool.Conn // whose session has the lock; nil after unlock
}

// lease gives that of a context; nil: none.
func (s Store) lease(ctx context.Context) *lease {
	l, _ := ctx.Value(leaseKey(s)).(*lease)
	return l
}

// use runs do on the lease's connection, when nobody else does, or on nil if there is none that works.
func (l *lease) use(ctx context.Context, do func(querier) error) error {
	if l == nil {
		return do(nil)
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.conn == nil || l.conn.Conn().IsClosed() {
		<-l.turn
		return do(nil)
	}
	defer func() { <-l.turn }()
	return do(l.conn)
}
