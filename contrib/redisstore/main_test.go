package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

func TestMain(m *testing.M) {
	storetest.Subprocess(harness("plain", redisstore.Config{}), harness("sealed", sealed), harness("cluster", replicated))
	goleak.VerifyTestMain(m)
}

const keyText = "0123456789-very-marked-key-00000"

var (
	sealed = redisstore.Config{Keys: seal.Keys("k1", map[string][]byte{"k1": []byte(keyText)}), TTL: time.Hour}
	// replicated is for a cluster.
	replicated = redisstore.Config{Replicas: 1}

	older = oauth2grant.Token{
		AccessToken: "marked-secret-older", TokenType: "Bearer", RefreshToken: "marked-secret-r1",
	}
	newer = oauth2grant.Token{AccessToken: "marked-secret-newer", TokenType: "Bearer", RefreshToken: "marked-secret-r2"}
)

func newClient(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true, DialerRetries: 1})
}

// newClientOf returns a client of a server, or of a cluster that has several
// addresses, with commas.
func newClientOf(addrs string) redis.UniversalClient {
	if !strings.Contains(addrs, ",") {
		return newClient(addrs)
	}
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: strings.Split(addrs, ","), ContextTimeoutEnabled: true, DialerRetries: 1,
	})
}

// closing is a store with a family and a client of its own, as another process
// has them.
type closing struct {
	*redisstore.Store
	family *redisstore.Family
	client redis.UniversalClient
	lease  time.Duration
}

func (c closing) Close() error {
	if err := c.family.Close(); err != nil {
		return err
	}
	return c.client.Close()
}

// openAt opens a store at "address key".
func openAt(place string, cfg redisstore.Config) (closing, error) {
	addr, key, _ := strings.Cut(place, " ")
	if cfg.Lease == 0 {
		cfg.Lease = 3 * time.Second // less would bound what a busy machine does
	}
	client := newClientOf(addr)
	family, err := redisstore.New(client, cfg)
	if err != nil {
		return closing{}, err
	}
	return closing{family.Store(key), family, client, cfg.Lease}, nil
}

func open(tb testing.TB, place string, cfg redisstore.Config) closing {
	tb.Helper()
	s, err := openAt(place, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func harness(name string, cfg redisstore.Config) storetest.Harness {
	return storetest.Harness{
		Name:      name,
		Open:      func(place string) (oauth2grant.Store, error) { return openAt(place, cfg) },
		Processes: true,
		FreedIn:   progress.Limit,
		Notifies:  true,
		Answers:   true,
		Lease:     2 * time.Second,
		Secrets:   []string{keyText},
	}
}

// hashOf returns the name of the hash of a place.
func hashOf(place string) string {
	_, key, _ := strings.Cut(place, " ")
	return "oauth2grant:{" + key + "}:token"
}

func TestConformance(t *testing.T) {
	server := testservers.StartRedis(t)
	raw := newClient(server.Addr())
	defer raw.Close()
	n := 0
	for name, cfg := range map[string]redisstore.Config{"plain": {}, "sealed": sealed} {
		h := harness(name, cfg)
		h.Place = func(testing.TB) string { n++; return fmt.Sprintf("%s user-%d", server.Addr(), n) }
		h.Corrupt = func(place string, data []byte) error {
			if len(data) == 0 { // that is none
				data = []byte(" ")
			}
			return raw.HSet(context.Background(), hashOf(place), "token", data).Err()
		}
		h.LoseLease = func(place string) error {
			return raw.HSet(context.Background(), hashOf(place), "fence", "1", "until", "0").Err()
		}
		h.Break = func(string) (func(), error) { server.Stop(); return server.Start, nil }
		t.Run(name, func(t *testing.T) { storetest.Run(t, h) })
	}
}
