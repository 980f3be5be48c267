package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestReentry_FailsAtOnce(t *testing.T) {
	calls := map[string]func(*Engine[int], context.Context) error{
		"Get":   func(e *Engine[int], ctx context.Context) error { _, err := e.Get(ctx); return err },
		"Renew": func(e *Engine[int], ctx context.Context) error { _, err := e.Renew(ctx); return err },
		"Run":   func(e *Engine[int], ctx context.Context) error { _, err := e.Run(ctx); return err },
		"Guard": func(e *Engine[int], ctx context.Context) error {
			_, done, err := e.Guard(ctx)
			if err == nil {
				done()
			}
			return err
		},
	}
	for name, call := range calls {
		t.Run(name+" in a run", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var e *Engine[int]
				e = start(t, func(f *Flight[int]) (*Snapshot[int], error) { return nil, call(e, f.Context()) }, nil)
				fails(t, ErrReentrant)(e.Get(t.Context()))
			})
		})
		t.Run(name+" in a report is allowed", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var got error
				runs := 0
				var e *Engine[int]
				e = start(t, func(f *Flight[int]) (*Snapshot[int], error) {
					if runs++; runs == 1 {
						f.Report(func(ctx context.Context, _ int) { got = call(e, ctx) })
					}
					return nil, errDown
				}, nil)
				fails(t, errDown)(e.Get(t.Context()))
				synctest.Wait()
				if errors.Is(got, ErrReentrant) {
					t.Fatalf("got %v", got)
				}
			})
		})
		t.Run(name+" in guarded work", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := start(t, nil, nil)
				ctx, done, err := e.Guard(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer done()
				if err := call(e, ctx); !errors.Is(err, ErrReentrant) {
					t.Fatalf("got %v", err)
				}
			})
		})
		t.Run(name+" through another engine", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a, b *Engine[int]
				b = start(t, func(f *Flight[int]) (*Snapshot[int], error) { return nil, call(a, f.Context()) }, nil)
				a = start(t, func(f *Flight[int]) (*Snapshot[int], error) { return b.Get(f.Context()) }, nil)
				fails(t, ErrReentrant)(a.Get(t.Context()))
			})
		})
	}
	t.Run("but a chain of two is no circle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := start(t, (&script{takes: time.Second}).run, nil)
			a := start(t, func(f *Flight[int]) (*Snapshot[int], error) {
				if _, err := b.Get(f.Context()); err != nil {
					return nil, err
				}
				return publish(f, 9)
			}, nil)
			gives(t, 9)(a.Get(t.Context()))
		})
	})
}
