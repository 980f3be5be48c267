package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
)

func TestCluster_PassesTheConformanceSuite(t *testing.T) {
	cluster := testservers.StartCluster(t)
	raw := newClientOf(strings.Join(cluster.Addrs, ","))
	defer raw.Close()
	h := harness("cluster", replicated)
	n := 0
	h.Place = func(testing.TB) string { n++; return fmt.Sprintf("%s user-%d", strings.Join(cluster.Addrs, ","), n) }
	h.Corrupt = func(place string, data []byte) error {
		if len(data) == 0 { // that is none
			data = []byte(" ")
		}
		return raw.HSet(context.Background(), hashOf(place), "token", data).Err()
	}
	h.LoseLease = func(place string) error {
		return raw.HSet(context.Background(), hashOf(place), "fence", "1", "until", "0").Err()
	}
	h.Break = func(string) (func(), error) {
		for _, r := range cluster.Servers {
			r.Kill()
		}
		return func() {
			for _, r := range cluster.Servers {
				r.Start()
			}
			cluster.Await(t)
		}, nil
	}
	storetest.Run(t, h)
}

func TestCluster_AFailoverLosesNeitherMarkNorAnswer(t *testing.T) {
	cluster := testservers.StartCluster(t)
	client := newClientOf(strings.Join(cluster.Addrs, ",")).(*redis.ClusterClient)
	defer client.Close()
	family, err := redisstore.New(client, replicated)
	must(t, err)
	defer family.Close()
	for _, key := range []string{"alice", "bob", "carol"} { // of several masters
		failsOver(t, family.Store(key), func() {
			master := func() string {
				client.ReloadState(t.Context())
				node, err := client.MasterForKey(t.Context(), hashOf(" "+key))
				must(t, err)
				return node.Options().Addr
			}
			lost := master()
			cluster.Server(lost).Kill()
			retry(t, "new master", func() error {
				if master() == lost {
					return errors.New("it is still the old one")
				}
				return nil
			})
			cluster.Server(lost).Start() // as a replica: without one nothing is saved
		})
	}
}
