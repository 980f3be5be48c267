package storetrial

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Costs are what a store is measured by.
type Costs struct {
	// Open returns the store of a key; all of them have one family.
	Open func(key string) oauth2grant.Store

	// Exchanges returns how many there were with the database.
	Exchanges func() int64

	// Bare writes a value in the plainest way that the database has.
	Bare func(ctx context.Context, key string, value []byte) error
}

// Measure shows, for each call and a whole renewal, the median of its times and
// the exchanges that it takes; and what 32 writers save in a second, compared
// to the plainest way.
func (c Costs) Measure(b *testing.B) {
	s := c.Open("alice")
	token := oauth2grant.Token{AccessToken: fmt.Sprintf("%01000d", 1), TokenType: "Bearer", RefreshToken: "r1"}
	ctx := b.Context()
	b.Run("Save", func(b *testing.B) { c.each(b, func() error { return s.Save(ctx, token) }) })
	b.Run("Load", func(b *testing.B) { c.each(b, func() error { _, err := s.Load(ctx); return err }) })
	b.Run("Lock and unlock", func(b *testing.B) {
		c.each(b, func() error {
			_, unlock, err := s.Lock(ctx)
			if err == nil {
				unlock()
			}
			return err
		})
	})
	b.Run("whole renewal", c.renewal)
	b.Run("32 writers, Save", func(b *testing.B) {
		c.writers(b, func(key string) error { return c.Open(key).Save(ctx, token) })
	})
	b.Run("32 writers, bare", func(b *testing.B) {
		value, err := token.MarshalJSON()
		if err != nil {
			b.Fatal(err)
		}
		c.writers(b, func(key string) error { return c.Bare(ctx, key, value) })
	})
}

// each measures calls made one after another.
func (c Costs) each(b *testing.B, call func() error) {
	b.Helper()
	var took []time.Duration
	before := c.Exchanges()
	for b.Loop() {
		began := time.Now()
		if err := call(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(c.Exchanges()-before)/float64(len(took)), "exchanges/op")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-median")
}

// renewal measures renewals whose authorization server answers at once.
func (c Costs) renewal(b *testing.B) {
	server, first := signedIn(time.Hour)
	s := c.Open("renewal")
	if err := s.Save(b.Context(), first); err != nil {
		b.Fatal(err)
	}
	g := grant(b, server, s, nil)
	if err := g.EnsureActiveToken(b.Context()); err != nil {
		b.Fatal(err)
	}
	c.each(b, func() error { _, err := g.RefreshToken(b.Context()); return err })
}

// writers measures calls by 32 goroutines, each with a key of its own.
func (c Costs) writers(b *testing.B, save func(key string) error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	began := time.Now()
	var all errgroup.Group
	for n := range 32 {
		all.Go(func() error {
			for left.Add(-1) >= 0 {
				if err := save(fmt.Sprint("writer-", n)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "saves/s")
}

// Meter counts the exchanges on connections: a client sends each request, or
// batch of requests, in one piece.
type Meter struct{ Exchanges, Connections atomic.Int64 }

// Dial dials, and counts what is sent.
func (m *Meter) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	m.Connections.Add(1)
	return metered{conn, m}, nil
}

type metered struct {
	net.Conn
	m *Meter
}

func (c metered) Write(p []byte) (int, error) {
	c.m.Exchanges.Add(1)
	return c.Conn.Write(p)
}
