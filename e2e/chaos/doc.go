// Package chaos lets a fleet of processes share sign-ins through a store while
// everything around them fails at once: processes are killed, stopped and
// restarted, the way to the store is cut and stalled, the store itself is
// restarted or failed over, and the authorization server, which rotates refresh
// tokens and ends a sign-in when one comes back, is slow or away.
//
// Every party writes down what it does in one journal. Afterwards a judge reads
// it: a sign-in may be lost only where no client can keep it, and the journal
// must show why.
//
//	go test ./chaos                                   15 s on each store
//	CHAOS=60s CHAOS_SEEDS=10 go test -timeout 0 ./chaos
//	CHAOS=60s CHAOS_SEED=7 CHAOS_STORE=redis go test -timeout 0 -v ./chaos
package chaos
