package etcdstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/oauth2grant/go-oauth2grant/contrib/etcdstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestLock_AServerThatFallsSilentHoldsUpNobody(t *testing.T) {
	server := testservers.StartEtcd(t)
	silent := func(
		ctx context.Context, method string, req, reply any,
		conn *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		if method == "/etcdserverpb.Lease/LeaseGrant" || method == "/etcdserverpb.KV/Range" {
			return next(ctx, method, req, reply, conn, opts...)
		}
		<-ctx.Done()
		return ctx.Err()
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{server.Addr()}, Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(silent)},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	family, err := etcdstore.New(client, etcdstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := family.Store("alice").Lock(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Lock returned %v", err)
	}
	closed := make(chan error, 1)
	go func() { closed <- family.Close() }()
	if err := progress.Await(t, "end of Close", closed); err != nil {
		t.Error(err)
	}
}

func TestSave_OfAMarkLetsTheLeaseLastAsLong(t *testing.T) {
	server := testservers.StartEtcd(t)
	s := open(t, server.Addr()+" alice")
	held, unlock, err := s.Lock(t.Context())
	must(t, err)
	defer unlock()
	left := func() int64 {
		lock, err := s.client.Get(t.Context(), "oauth2grant/lock/alice")
		must(t, err)
		lease, err := s.client.TimeToLive(t.Context(), clientv3.LeaseID(lock.Kvs[0].Lease))
		must(t, err)
		return lease.TTL
	}
	progress.Retry(t, "lease that is two seconds old", func() error {
		if n := left(); n > 8 {
			return fmt.Errorf("%d s are left", n)
		}
		return nil
	})
	var marked oauth2grant.Token
	must(t, json.Unmarshal([]byte(`{"refresh_token":"r","oauth2grant":{"v":1,"mark":"m"}}`), &marked))
	must(t, s.Save(held, marked))
	if n := left(); n < 9 {
		t.Errorf("%d s are left of the lease that the mark needs", n)
	}
}
