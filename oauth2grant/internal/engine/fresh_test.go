package engine

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestFresh_AllocatesNothing(t *testing.T) {
	e := start(t, nil, nil)
	set(e, value(1))
	if n := testing.AllocsPerRun(1000, func() {
		if e.Fresh() == nil {
			t.Fatal("it is not fresh")
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkFresh(b *testing.B) {
	e := New(b.Context(), Config[int]{Now: time.Now, Passive: true})
	defer e.Close()
	set(e, value(1))
	for _, c := range []struct {
		name string
		read func() bool
	}{
		{"engine", func() bool { return e.Fresh() != nil }},
		{"baseline", baseline(value(1))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !c.read() {
					b.Fatal("stale")
				}
			}
		})
		b.Run(c.name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if !c.read() {
						b.Error("stale")
					}
				}
			})
		})
	}
}

// baseline is the least that a reader can do: load, read the clock, compare.
func baseline(s *Snapshot[int]) func() bool {
	var current atomic.Pointer[Snapshot[int]]
	current.Store(s.seal(time.Now()))
	return func() bool { return time.Now().UnixNano() < current.Load().quiet }
}
