package otelgrant_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/contrib/otelgrant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func alice() oauth2grant.Password {
	return oauth2grant.Password{Username: "alice", Password: "wonderland"}
}

// shared is a Store into which somebody else may have put a token.
type shared struct {
	oauth2grant.SingleProcess

	mu    sync.Mutex // guards token
	token oauth2grant.Token
}

func (s *shared) Load(context.Context) (oauth2grant.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token.AccessToken == "" {
		return s.token, oauth2grant.ErrNoToken
	}
	return s.token, nil
}

func (s *shared) Save(_ context.Context, t oauth2grant.Token) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = t
	return nil
}

func (s *shared) Delete(ctx context.Context) error { return s.Save(ctx, oauth2grant.Token{}) }

// telemetry is what an SDK makes of what is recorded.
type telemetry struct {
	t      *testing.T
	reader *metric.ManualReader
	spans  *tracetest.SpanRecorder
	tracer *trace.TracerProvider
	stop   func()
}

// observe opens a grant for srv and observes it, both for as long as the test.
func observe(
	t *testing.T, srv *granttest.Server, flow oauth2grant.Flow, edit func(*oauth2grant.Config),
) (*oauth2grant.Grant, telemetry) {
	t.Helper()
	cfg := oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer(), TokenURL: srv.URL(granttest.Token)},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	}
	if edit != nil {
		edit(&cfg)
	}
	g, err := oauth2grant.New(t.Context(), flow, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	sdk := telemetry{t: t, reader: metric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
	sdk.tracer = trace.NewTracerProvider(trace.WithSpanProcessor(sdk.spans))
	meter := metric.NewMeterProvider(metric.WithReader(sdk.reader))
	t.Cleanup(func() { _, _ = sdk.tracer.Shutdown(context.Background()), meter.Shutdown(context.Background()) })
	sdk.stop, err = otelgrant.Observe(g, otelgrant.Config{
		Name: "billing", MeterProvider: meter, TracerProvider: sdk.tracer,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sdk.stop)
	return g, sdk
}

// collect returns the metrics by name.
func (s telemetry) collect() map[string]metricdata.Metrics {
	s.t.Helper()
	var all metricdata.ResourceMetrics
	if err := s.reader.Collect(s.t.Context(), &all); err != nil {
		s.t.Fatal(err)
	}
	found := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			found[m.Name] = m
		}
	}
	return found
}

// attributes are strings of the form key=value.
func attributes(set attribute.Set) (all []string) {
	for _, kv := range set.ToSlice() {
		all = append(all, string(kv.Key)+"="+kv.Value.String())
	}
	return all
}

// histogram returns the points of a histogram that have attributes, summed up.
func histogram[N int64 | float64](s telemetry, name, unit string, having ...string) (count uint64, sum N) {
	s.t.Helper()
	m := s.collect()[name]
	if m.Data == nil {
		return 0, 0
	}
	data, ok := m.Data.(metricdata.Histogram[N])
	if !ok || m.Unit != unit {
		s.t.Fatalf("%s is a %T in %q", name, m.Data, m.Unit)
	}
	for _, p := range data.DataPoints {
		if has(p.Attributes, having) {
			count, sum = count+p.Count, sum+p.Sum
		}
	}
	return count, sum
}

// events returns how many of a kind were counted.
func (s telemetry) events(kind string) (n int64) {
	s.t.Helper()
	data, _ := s.collect()["oauth2.client.events"].Data.(metricdata.Sum[int64])
	for _, p := range data.DataPoints {
		if has(p.Attributes, []string{"oauth2.event=" + kind}) {
			n += p.Value
		}
	}
	return n
}

// gauge returns the one value of a gauge, and whether there is one.
func gauge[N int64 | float64](s telemetry, name, unit string) (N, bool) {
	s.t.Helper()
	m := s.collect()[name]
	data, ok := m.Data.(metricdata.Gauge[N])
	if !ok || len(data.DataPoints) == 0 {
		return 0, false
	}
	if m.Unit != unit || len(data.DataPoints) > 1 || !has(data.DataPoints[0].Attributes, nil) {
		s.t.Fatalf("%s: %+v", name, m)
	}
	return data.DataPoints[0].Value, true
}

// has reports whether a set has the name of the grant and the attributes.
func has(set attribute.Set, having []string) bool {
	all := attributes(set)
	return slices.Contains(all, "oauth2.grant.name=billing") &&
		!slices.ContainsFunc(having, func(kv string) bool { return !slices.Contains(all, kv) })
}
