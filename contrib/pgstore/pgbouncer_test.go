package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/contrib/pgstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

func TestFamily_WorksBehindPgBouncerInTransactionMode(t *testing.T) {
	server, _ := start(t)
	url := testservers.StartPgBouncer(t, server)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			place := url + "&default_query_exec_mode=" + mode + " " + mode
			s, other := open(t, place, pgstore.Config{Lease: progress.Limit}),
				open(t, place, pgstore.Config{Lease: progress.Limit})
			must(t, pgstore.Migrate(t.Context(), s.pool))
			changes := subscribed(t, other)
			for range 20 {
				held, unlock := lock(t, s)
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				_, _, err := other.Lock(ctx)
				cancel()
				fails(t, err, context.DeadlineExceeded)
				must(t, errors.Join(held.Err(), s.Save(held, older), s.Save(held, newer)))
				unlock()
				holds(t, other, newer)
			}
			progress.Await(t, "news", changes)
			var all errgroup.Group
			for n := range 16 { // more than PgBouncer has sessions
				all.Go(func() error {
					for range 10 {
						if err := s.family.Store(fmt.Sprint(mode, n)).Save(t.Context(), newer); err != nil {
							return err
						}
					}
					return nil
				})
			}
			must(t, all.Wait())
		})
	}
}
