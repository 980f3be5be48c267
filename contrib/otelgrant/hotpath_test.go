package otelgrant_test

import (
	"net/http"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/oauth2grant/go-oauth2grant/contrib/otelgrant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// BenchmarkHotPath is what every request pays, with and without telemetry:
//
//	go test -bench HotPath -count 20 | benchstat -col /telemetry -
func BenchmarkHotPath(b *testing.B) {
	calls := []struct {
		name string
		call func(*testing.B, *oauth2grant.Grant, http.Header) error
	}{
		{"EnsureActiveToken", func(b *testing.B, g *oauth2grant.Grant, _ http.Header) error {
			return g.EnsureActiveToken(b.Context())
		}},
		{"PrepareRequest", func(b *testing.B, g *oauth2grant.Grant, h http.Header) error {
			delete(h, "Authorization")
			return g.PrepareRequest(b.Context(), h)
		}},
	}
	for _, c := range calls {
		for _, telemetry := range []string{"off", "on"} {
			b.Run("call="+c.name+"/telemetry="+telemetry, func(b *testing.B) {
				g := hotGrant(b, telemetry == "on")
				h := http.Header{}
				b.ReportAllocs()
				for b.Loop() {
					if err := c.call(b, g, h); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func TestObserve_LeavesTheHotPathWithoutAllocations(t *testing.T) {
	g := hotGrant(t, true)
	if n := testing.AllocsPerRun(1000, func() {
		if err := g.EnsureActiveToken(t.Context()); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// hotGrant is a grant that holds a token.
func hotGrant(tb testing.TB, observed bool) *oauth2grant.Grant {
	tb.Helper()
	srv := granttest.New(granttest.Config{})
	g, err := oauth2grant.New(tb.Context(), oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer(), TokenURL: srv.URL(granttest.Token)},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = g.Close() })
	if observed {
		stop, err := otelgrant.Observe(g, otelgrant.Config{
			MeterProvider:  metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())),
			TracerProvider: trace.NewTracerProvider(),
		})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(stop)
	}
	if err := g.EnsureActiveToken(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return g
}
