// Package redisstore is an oauth2grant.Store in Redis 6 or later, or Valkey: many tokens under one client, shared by a fleet of processes.
//
//	client := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs, ContextTimeoutEnabled: true})
//	family, err := redisstore.New(client, redisstore.Config{Prefix: "orders"})
//	...
//	grant, err := oauth2grant.New(ctx, flow, oauth2grant.Config{Store: family.Store(user), ...})
//
// Close in this order: the grants, the family, the client. TLS, access lists, Sentinel and Cluster are the client's business. A user of an access list needs
// GET, EVAL and EVALSHA with what the scripts call (SET, DEL, GETRANGE, HGET, HSET, HINCRBY, EXISTS, PERSIST, PEXPIRE, TIME, PUBLISH), SUBSCRIBE and PING, on
// the keys <Prefix>:* and the channel <Prefix>:changed.
//
// # What is stored
//
// The token of a key is at <Prefix>:{<key>}:token, its version and fence at :state, its lock at :lock: one hash slot in a cluster. A key is seen by everybody
// who may look at Redis, and in errors: never make it from a secret. The token is in clear unless Config.Keys is set, see package seal; then it is bound
// to its prefix and key.
//
// # What is guaranteed
//
// One holder at a time has the lock, for Config.Lease, extended in the background until unlock; a waiting Lock tries again after 20 ms, later after half a
// second. Each Lock takes a new fence, a number that only grows, also after Redis was wiped. A Save or Delete with the context of a lock is one script, which
// changes nothing and fails with ErrLockLost once somebody else has taken the lock, or has changed the token without it. So the last to hold the lock
// wins, whatever became of the clocks, pauses and packets of those before. Without such a context a Save always goes by.
//
// A Save is as durable as Redis makes it. With appendfsync always it is on disk when Save returns; with everysec a crash of the machine can lose a second, and
// with that a refresh token that the authorization server has already replaced. Replication is asynchronous: a failover can lose the last writes, and a
// lock, so that two holders meet; the fence then still keeps the older one from overwriting the newer. Set maxmemory-policy to noeviction: an evicted token
// is a signed-out user.
//
// # What happens when
//
//   - Redis can't be reached: every call gives an error after Config.Timeout, or when its context ends. A grant goes on with a token that is usable, and
//     refreshes nothing without the lock. Calls work again as soon as Redis does.
//   - Replicas are read: New refuses a cluster client that does, since they may give a refresh token that is rotated already. Do not give it one of Sentinel's
//     replicas either.
//   - Redis is away while a lock is held: held ends when the lease may have expired, with a cause that wraps ErrLockLost.
//   - A holder is killed: its lock is free when the lease is over.
//   - Redis is wiped: Load gives oauth2grant.ErrNoToken, as after a sign-out, and every held ends.
//   - A token's TTL is over: the same, for that token.
//   - The subscription breaks: it connects again by itself, and then tells every subscriber that its token may have changed.
//
// A context that is cancelled ends a wait at once, but an exchange with Redis that is under way only at its deadline, Config.Timeout at the latest: that is
// as far as the client goes.
//
// # Sizing
//
// A Store costs no connection and no goroutine. A family has one connection for its subscription, from the first Notify to Close, and a lock that is held has
// one goroutine. Calls use the client's pool for the length of an exchange.
package redisstore
