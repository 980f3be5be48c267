package drives

import (
	"context"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// spans takes what is exported to it.
type spans struct {
	collector.UnimplementedTraceServiceServer
}

func (spans) Export(
	context.Context, *collector.ExportTraceServiceRequest,
) (*collector.ExportTraceServiceResponse, error) {
	return &collector.ExportTraceServiceResponse{}, nil
}

// otlpHTTP exports over HTTP.
func otlpHTTP(g *oauth2grant.Grant, url string) otlptrace.Client {
	return otlptracehttp.NewClient(otlptracehttp.WithEndpointURL(url+"/v1/traces"),
		otlptracehttp.WithHTTPClient(g.HTTPClient()),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
}

// oneSpan is what a program exports.
func oneSpan() []trace.ReadOnlySpan {
	return tracetest.SpanStubs{{Name: "one", StartTime: time.Now(), EndTime: time.Now()}}.Snapshots()
}

func TestOTLP(t *testing.T) {
	for name, dial := range map[string]func(*testing.T, *granttest.Server, *oauth2grant.Grant) otlptrace.Client{
		"over HTTP": func(t *testing.T, srv *granttest.Server, g *oauth2grant.Grant) otlptrace.Client {
			return otlpHTTP(g, serve(t, srv, "").URL)
		},
		"over gRPC": func(t *testing.T, srv *granttest.Server, g *oauth2grant.Grant) otlptrace.Client {
			addr, of := serveRPC(t, srv)
			return otlptracegrpc.NewClient(otlptracegrpc.WithEndpoint(addr),
				otlptracegrpc.WithTLSCredentials(credentials.NewTLS(of)),
				otlptracegrpc.WithDialOption(grpc.WithPerRPCCredentials(g.PerRPCCredentials())),
				otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, g := open(t)
			exporter, err := otlptrace.New(t.Context(), dial(t, srv, g))
			if err != nil {
				t.Fatal(err)
			}
			stampede(t, srv, g, func() error { return exporter.ExportSpans(t.Context(), oneSpan()) })
			if err := exporter.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
