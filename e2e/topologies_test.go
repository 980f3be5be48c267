package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/contrib/redisstore"
	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// topologies are the stores on servers that are several, or behind something.
// What goes wrong there is the matter of package chaos; here a fleet lives on
// each.
var topologies = []storeUnderTest{
	{name: "redisstore on Sentinel", start: startSentinel, open: openSentinel, lease: true},
	{name: "redisstore on a Cluster", start: startCluster, open: openCluster, lease: true},
	{name: "pgstore behind PgBouncer", start: startPgBouncer, open: openPostgres, lease: true},
}

// fleets are the combinations that a fleet lives on.
func fleets() []combination {
	all := combinations(rotatingKinds...)
	for _, store := range topologies {
		all = append(all, combination{rotatingKinds[0], store})
	}
	return all
}

func startSentinel(t *testing.T) string {
	t.Helper()
	sentinel := testservers.StartSentinel(t)
	master := redis.NewClient(&redis.Options{Addr: sentinel.Servers[0].Addr()})
	defer master.Close()
	progress.Retry(t, "replicas in step", func() error {
		info, err := master.Info(t.Context(), "replication").Result()
		if n := strings.Count(info, "state=online"); n < replicas {
			err = errors.Join(err, fmt.Errorf("%d of %d are", n, replicas))
		}
		return err
	})
	return strings.Join(sentinel.Addrs, ",") + " token"
}

const replicas = 2

// openSentinel has every save acknowledged by all replicas.
func openSentinel(place string) (oauth2grant.Store, error) {
	addrs, key, _ := strings.Cut(place, " ")
	client := redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: "main", SentinelAddrs: strings.Split(addrs, ","), ContextTimeoutEnabled: true,
	})
	return openOver(client, key, redisstore.Config{Lease: lease, Replicas: replicas})
}

func startCluster(t *testing.T) string {
	t.Helper()
	return strings.Join(testservers.StartCluster(t).Addrs, ",") + " token"
}

// openCluster has every save acknowledged by the replica of each master.
func openCluster(place string) (oauth2grant.Store, error) {
	addrs, key, _ := strings.Cut(place, " ")
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: strings.Split(addrs, ","), ContextTimeoutEnabled: true,
	})
	return openOver(client, key, redisstore.Config{Lease: lease, Replicas: 1})
}

func startPgBouncer(t *testing.T) string {
	t.Helper()
	server := testservers.StartPostgres(t)
	return migrated(t, server, testservers.StartPgBouncer(t, server))
}
