package etcdstore

import (
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/seal"
)

// Family is the Stores over one client: they share its connection, and one
// watch. It comes from [New].
type Family = leasestore.Family

// Store is the [oauth2grant.Store] of one key. It comes from Family.Store.
type Store = leasestore.Store

var _ oauth2grant.Store = (*Store)(nil)

// Config says how tokens are kept. The zero value is good.
type Config struct {
	// Prefix is that of every key. If empty, it is "oauth2grant/".
	Prefix string

	// Lease is how long a lock outlives a holder that was killed, in whole
	// seconds. If zero, it is 10 s; it is at least 10 s, which a refresh
	// request that is under way needs: etcd can't make a lease longer.
	Lease time.Duration

	// Keys encrypts tokens. If nil, they are kept in clear.
	Keys seal.KeyFunc

	// AcceptPlain reads tokens in clear although Keys is set. It is for a
	// migration only, see [seal.Box].
	AcceptPlain bool
}

const leastLease = 10 * time.Second

// New returns a family over a client of the caller's, which stays the caller's
// to close, after the family. It does not connect.
func New(client *clientv3.Client, cfg Config) (*Family, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = "oauth2grant/"
	}
	if cfg.Lease == 0 {
		cfg.Lease = leastLease
	}
	switch {
	case client == nil:
		return nil, errors.New("etcdstore: there is no client")
	case cfg.Lease < leastLease, cfg.Lease%time.Second != 0:
		return nil, fmt.Errorf("etcdstore: Config.Lease %v must be at least %v, in whole seconds",
			cfg.Lease, leastLease)
	}
	return leasestore.New(&backend{client, cfg.Prefix}, leasestore.Config{
		Name: "etcdstore", Place: cfg.Prefix, Lease: cfg.Lease,
		Keys: cfg.Keys, AcceptPlain: cfg.AcceptPlain,
	})
}
