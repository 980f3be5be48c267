// Package etcdstore is an [oauth2grant.Store] in etcd 3.4 or later: a few
// tokens in a cluster that is there already, shared by a fleet of processes.
//
//	client, err := clientv3.New(clientv3.Config{
//		Endpoints: endpoints, Logger: zap.NewNop(),
//		DialKeepAliveTime: 5 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
//	})
//	family, err := etcdstore.New(client, etcdstore.Config{Prefix: "orders/"})
//	...
//	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{Store: family.Store(user), ...})
//
// Close in this order: the grants, the family, the client. Without a Logger the
// client writes warnings to standard error, of calls that have ended with their
// contexts, too; without the two times it stays with a connection that has
// fallen silent. What every store on a shared database guarantees is said in
// package leasestore.
//
// # What is stored
//
// <Prefix>token/<key> has the token, its version and its mark, and
// <Prefix>lock/<key> the lock, which is bound to a lease of etcd. Every change
// is a transaction that compares the revision of the first and the lease of the
// second. A key is seen by everybody who may look at etcd, and in errors: never
// make it from a secret. The token is in clear unless [Config.Keys] is set, see
// package seal; then it is bound to its prefix and key.
//
// After a new leader was elected, etcd starts every lease anew: a holder that
// was kept from extending its lease by that keeps its lock. A holder that can't
// reach etcd for longer than its lease, though etcd goes on, has lost it, also
// with a refresh request under way. What Delete leaves of a key, its version,
// stays.
//
// # What etcd needs
//
// A user needs to read and write the keys that begin with Prefix. A Save is on
// the disks of a majority of the members when it returns. etcd keeps every
// revision of a key until it is compacted, and a renewal makes about four: set
// --auto-compaction-retention. It keeps 2 GiB in all, and refuses values above
// 1.5 MiB, so it is not made for 100,000 tokens that change once an hour: take
// package pgstore or redisstore for those.
//
// A family has one stream for its watch, from the first Notify to Close, on the
// client's connection, and a lock that is held has one goroutine.
package etcdstore
