// Package redisstore is an [oauth2grant.Store] in Redis 6 or later, or Valkey:
// many tokens under one client, shared by a fleet of processes.
//
//	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs, ContextTimeoutEnabled: true})
//	family, err := redisstore.New(client, redisstore.Config{Prefix: "orders"})
//	...
//	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{Store: family.Store(user), ...})
//
// Close in this order: the grants, the family, the client. TLS, access lists,
// Sentinel and Cluster are the client's business. What every store on a shared
// database guarantees is said in package leasestore.
//
// # What is stored
//
// The record of a key is the hash <Prefix>:{<key>}:token: the token, its
// version, its mark, and the lock with its fence and the end of its lease, by
// the clock of Redis. So nothing that evicts keys can take a lock and leave its
// token. A hash without a token ends after a day; one with [Config.TTL] a day
// after its token. A key is seen by everybody who may look at Redis, and in
// errors: never make it from a secret. The token is in clear unless
// [Config.Keys] is set, see package seal; then it is bound to its prefix and
// key.
//
// A user of an access list needs GET, HGET, HSET, HINCRBY, PERSIST, PEXPIRE,
// TIME, PUBLISH, EVAL, EVALSHA, SUBSCRIBE and PING on the keys <Prefix>:* and
// the channel <Prefix>:changed; INFO, or the eviction policy is not checked;
// and with [Config.Replicas] WATCH, UNWATCH and WAIT.
//
// # What Redis keeps
//
// A Save is as durable as Redis makes it. With appendfsync always it is on disk
// when Save returns; with everysec a crash of the machine can lose a second,
// and with that a refresh token that the authorization server has already
// replaced.
//
// Replication is asynchronous. With [Config.Replicas] zero, a failover can lose
// the last writes: a lock, so that two holders meet, or a token that was just
// rotated. With Replicas, each Save waits until as many replicas have it, and
// fails if they do not in time: a refresh token is then not sent. Set it to the
// number of replicas that a master has. Fewer are not enough, since a master
// that is failed over while it lives (SENTINEL FAILOVER, a partition) goes on
// for a while with the replicas that were not promoted. After a failover
// nothing is sent until the new master has as many.
//
// maxmemory-policy must be noeviction, or volatile-* without [Config.TTL]: an
// evicted token is a signed-out user. [leasestore.Family.Check] and the first
// Lock look at it.
//
// New refuses a cluster client that reads from replicas, since they may return
// a refresh token that is rotated already. Do not give it a client of
// Sentinel's replicas either.
//
// A context that is cancelled ends a wait at once, but an exchange with Redis
// that is under way only at its deadline, after 3 s at most: that is as far as
// the client goes.
//
// # Sizing
//
// A Store costs no connection and no goroutine. A family has one connection for
// its subscription, from the first Notify to Close, and a lock that is held has
// one goroutine. Calls use the client's pool for the length of an exchange.
package redisstore
