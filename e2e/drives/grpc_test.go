package drives

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/oauth"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/oauth2grant/go-oauth2grant/contrib/grpccreds"
	"github.com/oauth2grant/go-oauth2grant/contrib/oauth2source"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// temporal answers what a client asks when it connects.
type temporal struct {
	workflowservice.UnimplementedWorkflowServiceServer
}

func (temporal) GetSystemInfo(
	context.Context, *workflowservice.GetSystemInfoRequest,
) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

// serveRPC starts a gRPC server over TLS that answers those who have a good
// token, and returns its address and what its clients need.
func serveRPC(t *testing.T, srv *granttest.Server) (addr string, of *tls.Config) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l.Addr().String(), serveRPCOn(t, srv, l)
}

func serveRPCOn(t *testing.T, srv *granttest.Server, l net.Listener) (of *tls.Config) {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	checks := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if v := md.Get("authorization"); len(v) != 1 || !authorized(srv, v[0]) {
			return nil, status.Error(codes.Unauthenticated, "no good token")
		}
		return next(ctx, req)
	}
	s := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&web.TLS.Certificates[0])),
		grpc.UnaryInterceptor(checks))
	services := health.NewServer()
	services.SetServingStatus("temporal.api.workflowservice.v1.WorkflowService", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(s, services)
	workflowservice.RegisterWorkflowServiceServer(s, temporal{})
	collector.RegisterTraceServiceServer(s, spans{})
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { s.Stop(); serving.Wait() })
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	return &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}
}

func TestGRPC(t *testing.T) {
	for name, of := range map[string]func(context.Context, *oauth2grant.Grant) credentials.PerRPCCredentials{
		"the grant's credentials": func(_ context.Context, g *oauth2grant.Grant) credentials.PerRPCCredentials {
			return g.PerRPCCredentials()
		},
		"those of grpccreds": func(_ context.Context, g *oauth2grant.Grant) credentials.PerRPCCredentials {
			return grpccreds.New(g)
		},
		"a TokenSource": func(ctx context.Context, g *oauth2grant.Grant) credentials.PerRPCCredentials {
			return oauth.TokenSource{TokenSource: oauth2source.TokenSource(ctx, g, 0)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			srv, g := open(t)
			addr, tls := serveRPC(t, srv)
			conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(tls)),
				grpc.WithPerRPCCredentials(of(t.Context(), g)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			client := healthpb.NewHealthClient(conn)
			stampede(t, srv, g, func() error {
				_, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
				return err
			})
		})
	}
}

// grpcCode returns the code of an error of gRPC, empty for any other.
func grpcCode(err error) string {
	if s, ok := status.FromError(err); ok && err != nil {
		return s.Code().String()
	}
	return ""
}

func TestTemporal(t *testing.T) {
	srv, g := open(t)
	addr, of := serveRPC(t, srv)
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort:          addr,
		Credentials:       client.NewAPIKeyDynamicCredentials(g.AccessToken),
		ConnectionOptions: client.ConnectionOptions{TLS: of},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	stampede(t, srv, g, func() error {
		_, err := c.CheckHealth(t.Context(), &client.CheckHealthRequest{})
		return err
	})
}
