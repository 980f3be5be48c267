package etcdstore_test

import (
	"context"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/oauth2grant/go-oauth2grant/contrib/etcdstore"
	"github.com/oauth2grant/go-oauth2grant/internal/storetrial"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func BenchmarkCosts(b *testing.B) {
	server := testservers.StartEtcd(b)
	var exchanges atomic.Int64
	count := func(
		ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		exchanges.Add(1)
		return call(ctx, method, req, reply, conn, opts...)
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{server.Addr()}, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(count)},
	})
	must(b, err)
	defer client.Close()
	family, err := etcdstore.New(client, etcdstore.Config{})
	must(b, err)
	defer family.Close()
	storetrial.Costs{
		Open:      func(key string) oauth2grant.Store { return family.Store(key) },
		Exchanges: exchanges.Load,
		Bare: func(ctx context.Context, key string, value []byte) error {
			_, err := client.Put(ctx, "bare/"+key, string(value))
			return err
		},
	}.Measure(b)
}
