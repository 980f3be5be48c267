package chaos

import (
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/oauth2grant/go-oauth2grant/contrib/etcdstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

const etcdLease = 10 * time.Second // the shortest that it takes

func startEtcd(t *testing.T) site {
	t.Helper()
	server := testservers.StartEtcd(t)
	proxy := testservers.StartProxy(t, server.Addr())
	return site{
		place: place{Addr: proxy.Addr()}, direct: place{Addr: server.Addr()},
		faults: append(wayFaults(proxy), restarts(server)...),
		left: func(t *testing.T) int {
			t.Helper()
			client, err := newEtcdClient(server.Addr())
			must(t, err)
			defer client.Close()
			found, err := client.Get(t.Context(), "oauth2grant/lock/", clientv3.WithPrefix(), clientv3.WithCountOnly())
			must(t, err)
			return int(found.Count)
		},
	}
}

func newEtcdClient(addr string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{addr}, Logger: zap.NewNop()})
}

func openEtcd(p place) (opened, error) {
	client, err := newEtcdClient(p.Addr)
	if err != nil {
		return opened{}, err
	}
	family, err := etcdstore.New(client, etcdstore.Config{})
	if err != nil {
		return opened{}, err
	}
	return familyOf(family.Store, family.Close, client.Close), nil
}
