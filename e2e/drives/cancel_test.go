package drives

import (
	"context"
	"errors"
	"net"
	"net/smtp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v93/github"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"google.golang.org/api/option"
	"google.golang.org/api/tasks/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"

	"github.com/oauth2grant/go-oauth2grant/contrib/grpccreds"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// requests are one request of each client that takes a context.
var requests = map[string]func(*testing.T, *granttest.Server, *oauth2grant.Grant) func(context.Context) error{
	"GitHub": func(t *testing.T, _ *granttest.Server, g *oauth2grant.Grant) func(context.Context) error {
		client, err := github.NewClient(github.WithHTTPClient(g.HTTPClient()))
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context) error {
			_, _, err := client.Users.Get(ctx, "")
			return err
		}
	},
	"Google": func(t *testing.T, _ *granttest.Server, g *oauth2grant.Grant) func(context.Context) error {
		client, err := tasks.NewService(t.Context(), option.WithHTTPClient(g.HTTPClient()))
		if err != nil {
			t.Fatal(err)
		}
		return func(ctx context.Context) error {
			_, err := client.Tasklists.List().Context(ctx).Do()
			return err
		}
	},
	"OTLP over HTTP": func(t *testing.T, _ *granttest.Server, g *oauth2grant.Grant) func(context.Context) error {
		exporter, err := otlptrace.New(t.Context(), otlpHTTP(g, "https://collector.example"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = exporter.Shutdown(context.WithoutCancel(t.Context())) })
		return func(ctx context.Context) error { return exporter.ExportSpans(ctx, oneSpan()) }
	},
	"gRPC": func(t *testing.T, srv *granttest.Server, g *oauth2grant.Grant) func(context.Context) error {
		l := bufconn.Listen(1 << 16)
		of := serveRPCOn(t, srv, l)
		conn, err := grpc.NewClient("passthrough:///rpc.example", grpc.WithTransportCredentials(credentials.NewTLS(of)),
			grpc.WithPerRPCCredentials(grpccreds.New(g)),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		client := healthpb.NewHealthClient(conn)
		return func(ctx context.Context) error {
			_, err := client.Check(ctx, &healthpb.HealthCheckRequest{})
			return err
		}
	},
	"PostgreSQL": func(t *testing.T, srv *granttest.Server, g *oauth2grant.Grant) func(context.Context) error {
		cfg, serving := postgresConfig(t, srv, g)
		t.Cleanup(serving.Wait)
		return func(ctx context.Context) error {
			_, err := pgconn.ConnectConfig(ctx, cfg)
			return err
		}
	},
	"franz-go": func(_ *testing.T, _ *granttest.Server, g *oauth2grant.Grant) func(context.Context) error {
		mechanism := franzTokens(g)
		return func(ctx context.Context) error {
			_, _, err := mechanism.Authenticate(ctx, "broker.example:9093")
			return err
		}
	},
	"XOAUTH2": func(_ *testing.T, _ *granttest.Server, g *oauth2grant.Grant) func(context.Context) error {
		return func(ctx context.Context) error {
			_, _, err := xoauth2{ctx, g, "alice@example.com"}.Start(&smtp.ServerInfo{Name: "mail.example", TLS: true})
			return err
		}
	},
}

// A server that says nothing holds up nobody for longer than they want to wait.
func TestCancel_ReturnsAtOnce(t *testing.T) {
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, g := open(t)
				srv.Break(granttest.Token, granttest.Fault{Hang: true})
				call := request(t, srv, g)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				start := time.Now()
				time.AfterFunc(7*time.Second, cancel)
				err := call(ctx)
				if waited := time.Since(start); err == nil || waited != 7*time.Second {
					t.Errorf("it returned %v after %v", err, waited)
				}
				if code := grpcCode(err); code == "" && !errors.Is(err, context.Canceled) {
					t.Errorf("%v is no cancellation", err)
				} else if code != "" && code != "Canceled" {
					t.Errorf("the code is %s", code)
				}
			})
		})
	}
}
