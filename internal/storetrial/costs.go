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
	b.Run("32 writers", func(b *testing.B) { c.writers(b, token) })
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

// writers compares what 32 goroutines, each with a key of its own, save and
// write in turns, so that both find the machine equally busy.
func (c Costs) writers(b *testing.B, token oauth2grant.Token) {
	value, err := token.MarshalJSON()
	if err != nil {
		b.Fatal(err)
	}
	const turn = 500
	save := func() time.Duration {
		return together(b, turn, func(key string) error { return c.Open(key).Save(b.Context(), token) })
	}
	write := func() time.Duration {
		return together(b, turn, func(key string) error { return c.Bare(b.Context(), key, value) })
	}
	save() // the connections are made
	write()
	var saving, writing time.Duration
	turns := 0
	for b.Loop() {
		saving += save()
		writing += write()
		turns++
	}
	b.ReportMetric(float64(turns*turn)/saving.Seconds(), "saves/s")
	b.ReportMetric(float64(turns*turn)/writing.Seconds(), "bare/s")
	b.ReportMetric(writing.Seconds()/saving.Seconds(), "saves/bare")
}

// together returns how long 32 goroutines take for n calls.
func together(b *testing.B, n int64, call func(key string) error) time.Duration {
	b.Helper()
	var left atomic.Int64
	left.Store(n)
	began := time.Now()
	var all errgroup.Group
	for n := range 32 {
		all.Go(func() error {
			for left.Add(-1) >= 0 {
				if err := call(fmt.Sprint("writer-", n)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
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
