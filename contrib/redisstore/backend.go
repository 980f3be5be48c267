package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
)

const (
	// maxSize is the most that is read of a token, in bytes.
	maxSize = 2 << 20
	// patience is how long a subscription waits for what it has asked for.
	patience = 3 * time.Second
)

// backend is the [leasestore.Backend] over a client.
type backend struct {
	client redis.UniversalClient
	cfg    Config
}

// tag makes any key fit between the braces that choose the slot in a cluster.
var tag = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D")

// hash returns the name of the hash of a key.
func (b *backend) hash(key string) string {
	name := tag.Replace(key)
	if name == "" {
		name = "%" // an empty tag is none
	}
	return b.cfg.Prefix + ":{" + name + "}:token"
}

func (b *backend) channel() string { return b.cfg.Prefix + ":changed" }

// run runs a script on the hash of a key.
func (b *backend) run(ctx context.Context, script *redis.Script, key string, args ...any) *redis.Cmd {
	return script.Run(ctx, b.client, []string{b.hash(key)}, args...)
}

// Load implements [leasestore.Backend].
func (b *backend) Load(ctx context.Context, key string) (token []byte, version int64, err error) {
	answer, err := b.run(ctx, loadScript, key, maxSize).Slice()
	if err != nil {
		return nil, 0, clean(err)
	}
	text, _ := answer[0].(string)
	version, _ = answer[1].(int64)
	if text != "" {
		token = []byte(text)
	}
	return token, version, nil
}

// Save implements [leasestore.Backend].
func (b *backend) Save(ctx context.Context, key string, c leasestore.Change) (saved bool, err error) {
	args := []any{
		c.Token, c.Mark, c.Answers, c.Fence, c.Version, c.Hold.Milliseconds(), b.cfg.TTL.Milliseconds(),
		b.channel(), key,
	}
	if b.cfg.Replicas == 0 {
		saved, err = b.run(ctx, saveScript, key, args...).Bool()
		return saved, clean(err)
	}
	// Watch has one connection, to the server that has the key.
	err = b.client.Watch(ctx, func(conn *redis.Tx) (err error) {
		saved, err = saveScript.Run(ctx, conn, []string{b.hash(key)}, args...).Bool()
		if err != nil || !saved {
			return err
		}
		deadline, _ := ctx.Deadline()
		got, err := conn.Wait(ctx, b.cfg.Replicas, max(time.Until(deadline)*3/4, time.Millisecond)).Result()
		if err == nil && got < int64(b.cfg.Replicas) {
			err = fmt.Errorf("%d replicas have it, of the %d of Config.Replicas", got, b.cfg.Replicas)
		}
		return err
	}, b.hash(key))
	if cluster, ok := b.client.(*redis.ClusterClient); ok && err != nil {
		cluster.ReloadState(ctx) // the server may have been replaced
	}
	return saved, clean(err)
}

// TryLock implements [leasestore.Backend].
func (b *backend) TryLock(ctx context.Context, key string, lease, notice time.Duration) (leasestore.Try, error) {
	answer, err := b.run(ctx, lockScript, key, lease.Milliseconds(), notice.Milliseconds()).Int64Slice()
	if err != nil {
		return leasestore.Try{}, clean(err)
	}
	return leasestore.Try{Fence: answer[0], Version: answer[1], Wait: time.Duration(answer[2]) * time.Millisecond}, nil
}

// Extend implements [leasestore.Backend].
func (b *backend) Extend(ctx context.Context, key string, fence int64, lease time.Duration) (extended bool, err error) {
	extended, err = b.run(ctx, extendScript, key, fence, lease.Milliseconds()).Bool()
	return extended, clean(err)
}

// Unlock implements [leasestore.Backend].
func (b *backend) Unlock(ctx context.Context, key string, fence int64) error {
	return clean(b.run(ctx, unlockScript, key, fence).Err())
}

// Watch implements [leasestore.Backend]: it subscribes to the channel.
func (b *backend) Watch(ctx context.Context, ready func(), changed func(key string)) error {
	sub := b.client.Subscribe(ctx)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })() // which ends a Receive
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := sub.Subscribe(limited, b.channel()); err != nil {
		return clean(err)
	}
	asked := true // an answer is owed
	for {
		msg, err := sub.ReceiveTimeout(ctx, patience)
		var late net.Error
		if err != nil && !asked && errors.As(err, &late) && late.Timeout() {
			err, asked = sub.Ping(ctx), true
		} else {
			asked = false
		}
		if err != nil {
			return clean(err)
		}
		switch msg := msg.(type) {
		case *redis.Subscription:
			ready()
		case *redis.Message:
			changed(msg.Payload)
		}
	}
}

// Check implements [leasestore.Backend]. It sees whether the channel may be
// used by telling those who hold the empty key, whom that costs one look, and
// whether scripts may run by one that changes nothing.
func (b *backend) Check(ctx context.Context) error {
	var err error
	if cluster, ok := b.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			return b.check(ctx, node)
		})
	} else {
		err = b.check(ctx, b.client)
	}
	if err != nil {
		return clean(err)
	}
	if redis.HasErrorPrefix(b.client.Publish(ctx, b.channel(), "").Err(), "NOPERM") {
		b.cfg.Logger.WarnContext(ctx, "redisstore: the channel is not allowed: nobody is told of a change")
	}
	return b.Unlock(ctx, "", 0)
}

// check looks at one server.
func (b *backend) check(ctx context.Context, server redis.Cmdable) error {
	info := server.InfoMap(ctx)
	switch policy := info.Item("Memory", "maxmemory_policy"); {
	case redis.HasErrorPrefix(info.Err(), "NOPERM"):
		b.cfg.Logger.WarnContext(ctx, "redisstore: INFO is not allowed: make sure that maxmemory-policy is noeviction")
	case info.Err() != nil:
		return info.Err()
	case info.Item("Replication", "role") == "slave":
		return errors.New("this is a replica: connect to its master")
	case strings.HasPrefix(policy, "allkeys-"), strings.HasPrefix(policy, "volatile-") && b.cfg.TTL > 0:
		return fmt.Errorf("the server evicts tokens (%s), and with one a user is signed out: "+
			"set maxmemory-policy to noeviction", policy)
	}
	return nil
}

// ServerError is a refusal by Redis. It has the first word of it only: the rest
// may quote the arguments of a command, which hold tokens.
type ServerError struct {
	Code string // ERR, NOAUTH, NOPERM, OOM, READONLY, LOADING, MISCONF, …
}

var hints = map[string]string{ //nolint:gosec // what codes mean
	"NOAUTH":    " (it wants a user and a password)",
	"WRONGPASS": " (the user or the password is wrong)",
	"NOPERM":    " (the user lacks a right: those that it needs are in the comment of package redisstore)",
	"READONLY":  " (the server is a replica)",
	"OOM":       " (maxmemory is reached)",
	"MISCONF":   " (it can't write to its disk)",
}

// Error names the code, and what it means.
func (e *ServerError) Error() string { return "Redis refused: " + e.Code + hints[e.Code] }

// clean makes a [ServerError] of a refusal.
func clean(err error) error {
	if refused, ok := errors.AsType[redis.Error](err); ok {
		code, _, _ := strings.Cut(refused.Error(), " ")
		return &ServerError{Code: code}
	}
	return err
}
