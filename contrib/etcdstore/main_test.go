package etcdstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/oauth2grant/go-oauth2grant/contrib/etcdstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func TestMain(m *testing.M) {
	storetest.Subprocess(harness("plain", etcdstore.Config{}), harness("sealed", sealed))
	goleak.VerifyTestMain(m)
}

const keyText = "0123456789-very-marked-key-00000"

var sealed = etcdstore.Config{Keys: seal.Keys("k1", map[string][]byte{"k1": []byte(keyText)})}

func newClient(addr string) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{Endpoints: []string{addr}, Logger: zap.NewNop()})
}

// closing is a store with a family and a client of its own, as another process
// has them.
type closing struct {
	*etcdstore.Store
	family *etcdstore.Family
	client *clientv3.Client
}

func (c closing) Close() error { return errors.Join(c.family.Close(), c.client.Close()) }

// openAt opens a store at "address key".
func openAt(place string, cfg etcdstore.Config) (closing, error) {
	addr, key, _ := strings.Cut(place, " ")
	client, err := newClient(addr)
	if err != nil {
		return closing{}, err
	}
	family, err := etcdstore.New(client, cfg)
	if err != nil {
		return closing{}, err
	}
	return closing{family.Store(key), family, client}, nil
}

func harness(name string, cfg etcdstore.Config) storetest.Harness {
	return storetest.Harness{
		Name:      name,
		Open:      func(place string) (oauth2grant.Store, error) { return openAt(place, cfg) },
		Processes: true,
		FreedIn:   30 * time.Second,
		Lease:     10 * time.Second,
		Notifies:  true,
		Answers:   true,
		Secrets:   []string{keyText},
	}
}

func TestConformance(t *testing.T) {
	server := testservers.StartEtcd(t)
	raw, err := newClient(server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	keyOf := func(place string) string {
		_, key, _ := strings.Cut(place, " ")
		return key
	}
	n := 0
	for name, cfg := range map[string]etcdstore.Config{"plain": {}, "sealed": sealed} {
		h := harness(name, cfg)
		h.Place = func(testing.TB) string { n++; return fmt.Sprintf("%s user-%d", server.Addr(), n) }
		h.Corrupt = func(place string, data []byte) error {
			_, err := raw.Put(context.Background(), "oauth2grant/token/"+keyOf(place), string(data))
			return err
		}
		h.LoseLease = func(place string) error {
			got, err := raw.Get(context.Background(), "oauth2grant/lock/"+keyOf(place))
			if err != nil || len(got.Kvs) == 0 {
				return errors.Join(err, errors.New("nobody holds the lock"))
			}
			_, err = raw.Revoke(context.Background(), clientv3.LeaseID(got.Kvs[0].Lease))
			return err
		}
		h.Break = func(string) (func(), error) { server.Stop(); return server.Start, nil }
		t.Run(name, func(t *testing.T) { storetest.Run(t, h) })
	}
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	client, err := newClient("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for name, c := range map[string]struct {
		client *clientv3.Client
		cfg    etcdstore.Config
	}{
		"no client":                     {nil, etcdstore.Config{}},
		"a lease that is too short":     {client, etcdstore.Config{Lease: 5 * time.Second}},
		"a lease of half a second more": {client, etcdstore.Config{Lease: 10500 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			if f, err := etcdstore.New(c.client, c.cfg); err == nil {
				t.Errorf("New returned %v", f)
			}
		})
	}
}
