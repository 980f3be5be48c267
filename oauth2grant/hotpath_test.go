package oauth2grant_test

import (
	"maps"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

const runs = 1000

func TestHotPath_AllocatesNoMoreThanAHeaderValue(t *testing.T) {
	g := open(t, oauth2grant.ClientCredentials{}, configFor(granttest.New(granttest.Config{})))
	ensure(t, g)
	ctx, h := t.Context(), http.Header{}
	if n := testing.AllocsPerRun(runs, func() { _ = g.EnsureActiveToken(ctx) }); n != 0 {
		t.Errorf("EnsureActiveToken allocates %v times", n)
	}
	prepare := func() {
		delete(h, "Authorization")
		_ = g.PrepareRequest(ctx, h)
	}
	if n := testing.AllocsPerRun(runs, prepare); n > 1 {
		t.Errorf("PrepareRequest allocates %v times", n)
	}
	if n := testing.AllocsPerRun(runs, func() { _ = g.PrepareRequest(ctx, h) }); n != 0 {
		t.Errorf("PrepareRequest allocates %v times for a header that carries this token", n)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		prepare()
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / runs; n > 16 {
		t.Errorf("PrepareRequest allocates %d bytes", n)
	}
}

func TestPrepareRequest_WhatOneCallerDoesToAHeaderReachesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := granttest.New(granttest.Config{})
		g := open(t, alice(), configFor(srv))
		first, second := http.Header{}, http.Header{}
		for _, h := range []http.Header{first, second} {
			if err := g.PrepareRequest(t.Context(), h); err != nil {
				t.Fatal(err)
			}
		}
		old := "Bearer " + tokenOf(t, g).AccessToken
		first["Authorization"][0] = "changed"
		if second.Get("Authorization") != old {
			t.Error("two headers share a value")
		}
		shallow := maps.Clone(second)
		pass(time.Minute)
		if _, err := g.RefreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := g.PrepareRequest(t.Context(), second); err != nil {
			t.Fatal(err)
		}
		if shallow.Get("Authorization") != old || second.Get("Authorization") == old {
			t.Error("a value that a copy of the header holds was written into")
		}
		several := http.Header{"Authorization": {"Basic x", old}}
		if err := g.PrepareRequest(t.Context(), several); err != nil {
			t.Fatal(err)
		}
		if got := several.Values("Authorization"); len(got) != 1 || got[0] != second.Get("Authorization") {
			t.Errorf("got %q", got)
		}
	})
}

// BenchmarkBaseline is the least that a check of an expiry can cost: an atomic
// load, the clock, and a comparison.
func BenchmarkBaseline(b *testing.B) {
	var expiry atomic.Pointer[time.Time]
	later := time.Now().Add(time.Hour)
	expiry.Store(&later)
	b.ReportAllocs()
	for b.Loop() {
		if !time.Now().Before(*expiry.Load()) {
			b.Fatal("expired")
		}
	}
}

func benchmarkGrant(b *testing.B) *oauth2grant.Grant {
	b.Helper()
	g := open(b, oauth2grant.ClientCredentials{}, configFor(granttest.New(granttest.Config{})))
	ensure(b, g)
	b.ReportAllocs()
	return g
}

func BenchmarkEnsureActiveToken(b *testing.B) {
	g, ctx := benchmarkGrant(b), b.Context()
	for b.Loop() {
		if err := g.EnsureActiveToken(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// in64Goroutines does f b.N times, shared by 64 goroutines.
func in64Goroutines(b *testing.B, f func()) {
	b.Helper()
	const goroutines = 64
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range goroutines {
		share := (b.N + i) / goroutines
		wg.Go(func() {
			for range share {
				f()
			}
		})
	}
	wg.Wait()
}

func BenchmarkBaseline_In64Goroutines(b *testing.B) {
	var expiry atomic.Pointer[time.Time]
	later := time.Now().Add(time.Hour)
	expiry.Store(&later)
	in64Goroutines(b, func() {
		if !time.Now().Before(*expiry.Load()) {
			panic("expired")
		}
	})
}

func BenchmarkEnsureActiveToken_In64Goroutines(b *testing.B) {
	g, ctx := benchmarkGrant(b), b.Context()
	in64Goroutines(b, func() {
		if err := g.EnsureActiveToken(ctx); err != nil {
			panic(err)
		}
	})
}

func BenchmarkPrepareRequest(b *testing.B) {
	g, ctx, h := benchmarkGrant(b), b.Context(), http.Header{}
	for b.Loop() {
		delete(h, "Authorization")
		if err := g.PrepareRequest(ctx, h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPrepareRequest_OfAHeaderThatCarriesTheToken(b *testing.B) {
	g, ctx, h := benchmarkGrant(b), b.Context(), http.Header{}
	for b.Loop() {
		if err := g.PrepareRequest(ctx, h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkColdStart_OfAThousandCallers(b *testing.B) {
	srv := granttest.New(granttest.Config{})
	cfg := configFor(srv)
	b.ReportAllocs()
	for b.Loop() {
		g, err := oauth2grant.New(b.Context(), oauth2grant.ClientCredentials{}, cfg)
		if err != nil {
			b.Fatal(err)
		}
		atOnce(1000, func(int) {
			if err := g.EnsureActiveToken(b.Context()); err != nil {
				b.Error(err)
			}
		})
		_ = g.Close()
	}
}
