package grpccreds_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/oauth2grant/go-oauth2grant/contrib/grpccreds"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is a gRPC server over TLS, within this process, that knows tokens.
type service struct {
	listener *bufconn.Listener
	tls      *tls.Config // of its clients
}

func serve(t *testing.T, srv *granttest.Server) service {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	web.Close()
	checks := func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		md, _ := metadata.FromIncomingContext(ctx)
		if v := md.Get("authorization"); len(v) != 1 || len(v[0]) < 7 || !srv.Active(v[0][7:]) {
			return nil, status.Error(codes.PermissionDenied, "no good token")
		}
		return next(ctx, req)
	}
	s := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(&web.TLS.Certificates[0])),
		grpc.UnaryInterceptor(checks))
	healthpb.RegisterHealthServer(s, health.NewServer())
	l := bufconn.Listen(1 << 20)
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) })
	t.Cleanup(func() { s.Stop(); serving.Wait() })
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	return service{l, &tls.Config{RootCAs: roots, ServerName: "example.com"}}
}

// dial returns a client of the service whose calls carry the token of g.
func (s service) dial(
	t *testing.T, transport credentials.TransportCredentials, g *oauth2grant.Grant,
) (healthpb.HealthClient, error) {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///example.com",
		grpc.WithTransportCredentials(transport),
		grpc.WithPerRPCCredentials(grpccreds.New(g)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return s.listener.DialContext(ctx)
		}))
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	return healthpb.NewHealthClient(conn), nil
}

func open(
	t *testing.T, flow oauth2grant.Flow, srv *granttest.Server, edit ...func(*oauth2grant.Config),
) *oauth2grant.Grant {
	t.Helper()
	cfg := oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	}
	for _, e := range edit {
		e(&cfg)
	}
	g, err := oauth2grant.New(t.Context(), flow, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func TestNew(t *testing.T) {
	srv := granttest.New(granttest.Config{})
	s := serve(t, srv)
	t.Run("every call carries the token of its time", func(t *testing.T) {
		g := open(t, oauth2grant.ClientCredentials{}, srv)
		client, err := s.dial(t, credentials.NewTLS(s.tls), g)
		if err != nil {
			t.Fatal(err)
		}
		srv.Reset()
		var calls sync.WaitGroup
		for range 100 {
			calls.Go(func() {
				if _, err := client.Check(t.Context(), nil); err != nil {
					t.Error(err)
				}
			})
		}
		calls.Wait()
		old, err := g.Token(t.Context())
		if err != nil || srv.Count(granttest.Token) != 1 {
			t.Errorf("%d token requests, %v", srv.Count(granttest.Token), err)
		}
		if _, err := g.FetchToken(t.Context()); err != nil {
			t.Fatal(err)
		}
		srv.RevokeToken(old.AccessToken)
		if _, err := client.Check(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
	busy := granttest.New(granttest.Config{})
	busy.Break(granttest.Token, granttest.Error(503, "temporarily_unavailable", ""))
	hangs := granttest.New(granttest.Config{})
	hangs.Break(granttest.Token, granttest.Fault{Delay: time.Hour})
	elsewhere := func(cfg *oauth2grant.Config) { cfg.Origins = []string{"https://elsewhere.example"} }
	for name, c := range map[string]struct {
		g    *oauth2grant.Grant
		wait time.Duration
		want codes.Code
	}{
		"the server is busy":    {open(t, oauth2grant.ClientCredentials{}, busy), time.Hour, codes.Unavailable},
		"a person must sign in": {open(t, oauth2grant.RefreshOnly{}, srv), time.Hour, codes.Unauthenticated},
		"the service is elsewhere": {
			open(t, oauth2grant.ClientCredentials{}, srv, elsewhere), time.Hour, codes.Unauthenticated,
		},
		"the call's time is over": {
			open(t, oauth2grant.ClientCredentials{}, hangs), 50 * time.Millisecond, codes.DeadlineExceeded,
		},
		"the service is among them": {
			open(t, oauth2grant.ClientCredentials{}, srv, func(cfg *oauth2grant.Config) {
				cfg.Origins = []string{"https://example.com"}
			}), time.Hour, codes.OK,
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := s.dial(t, credentials.NewTLS(s.tls), c.g)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), c.wait)
			defer cancel()
			if _, err := client.Check(ctx, nil); status.Code(err) != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	t.Run("nothing goes over plaintext", func(t *testing.T) {
		if _, err := s.dial(t, insecure.NewCredentials(), open(t, oauth2grant.ClientCredentials{}, srv)); err == nil {
			t.Error("gRPC took the credentials")
		}
	})
}
