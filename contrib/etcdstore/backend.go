package etcdstore

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
)

// backend is the [leasestore.Backend] over a client. The fence of a lock is the
// number of the lease of etcd that its key is bound to: those are random.
type backend struct {
	client *clientv3.Client
	prefix string
}

// record is what the key of a token has. The lock is not in it.
type record struct {
	Token    []byte `json:"token,omitempty"`
	Version  int64  `json:"version"`
	Mark     string `json:"mark,omitempty"`
	Answered string `json:"answered,omitempty"`
	Writer   int64  `json:"writer,omitempty"`
}

func (b *backend) token(key string) string { return b.prefix + "token/" + key }

func (b *backend) lock(key string) string { return b.prefix + "lock/" + key }

// read returns the record of a key, and the revision of its last change.
func (b *backend) read(ctx context.Context, key string) (r record, revision int64, err error) {
	got, err := b.client.Get(ctx, b.token(key))
	if err != nil || len(got.Kvs) == 0 {
		return record{}, 0, err
	}
	if json.Unmarshal(got.Kvs[0].Value, &r) != nil || r.Version < 1 { // the cause may quote a secret
		r = record{Token: []byte{}, Version: 1} // no token, but not none
	}
	return r, got.Kvs[0].ModRevision, nil
}

// Load implements [leasestore.Backend].
func (b *backend) Load(ctx context.Context, key string) (token []byte, version int64, err error) {
	r, _, err := b.read(ctx, key)
	return r.Token, r.Version, err
}

// Save implements [leasestore.Backend]: it makes the change on what it has
// read, unless that has changed meanwhile.
func (b *backend) Save(ctx context.Context, key string, c leasestore.Change) (saved bool, err error) {
	if c.Hold > 0 { // the lease is that of etcd, and not in the record
		if held, err := b.Extend(ctx, key, c.Fence, c.Hold); err != nil || !held {
			return false, err
		}
	}
	for {
		r, revision, err := b.read(ctx, key)
		if err != nil {
			return false, err
		}
		whole := leasestore.Record{
			Token: r.Token, Version: r.Version, Mark: r.Mark, Answered: r.Answered, Writer: r.Writer, Fence: c.Fence,
		}
		if !whole.Change(c, time.Time{}) {
			return false, nil
		}
		data, err := json.Marshal(record{whole.Token, whole.Version, whole.Mark, whole.Answered, whole.Writer})
		if err != nil {
			return false, err
		}
		same := clientv3.Compare(clientv3.ModRevision(b.token(key)), "=", revision)
		mine := []clientv3.Cmp{same}
		if c.Fence != 0 && c.Answers == "" {
			mine = append(mine, clientv3.Compare(clientv3.LeaseValue(b.lock(key)), "=", c.Fence))
		}
		done, err := b.client.Txn(ctx).If(mine...).
			Then(clientv3.OpPut(b.token(key), string(data))).
			Else(clientv3.OpTxn([]clientv3.Cmp{same}, nil, nil)).Commit() // is it the lock that has changed?
		if err != nil {
			return false, err
		}
		if done.Succeeded {
			return true, nil
		}
		if done.Responses[0].GetResponseTxn().Succeeded {
			return false, nil
		}
	}
}

// Check implements [leasestore.Backend]: etcd needs no particular setting, but
// can refuse the user.
func (b *backend) Check(ctx context.Context) error {
	_, err := b.client.Get(ctx, b.lock(""))
	return err
}

// TryLock implements [leasestore.Backend]. A notice is not needed: etcd starts
// leases anew when it comes back. A lock that was perhaps taken is given back;
// when ctx has ended by then, the lock ends with its lease.
func (b *backend) TryLock(ctx context.Context, key string, lease, _ time.Duration) (leasestore.Try, error) {
	granted, err := b.client.Grant(ctx, int64(lease/time.Second))
	if err != nil {
		return leasestore.Try{}, err
	}
	done, err := b.client.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(b.lock(key)), "=", 0)).
		Then(clientv3.OpPut(b.lock(key), "", clientv3.WithLease(granted.ID))).Commit()
	if err == nil && done.Succeeded {
		var r record
		if r, _, err = b.read(ctx, key); err == nil {
			return leasestore.Try{Fence: int64(granted.ID), Version: r.Version}, nil
		}
	}
	return leasestore.Try{Wait: lease}, errors.Join(err, b.Unlock(ctx, key, int64(granted.ID)))
}

// Extend implements [leasestore.Backend].
func (b *backend) Extend(ctx context.Context, _ string, fence int64, _ time.Duration) (extended bool, err error) {
	_, err = b.client.KeepAliveOnce(ctx, clientv3.LeaseID(fence))
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Unlock implements [leasestore.Backend]: the lock ends with its lease.
func (b *backend) Unlock(ctx context.Context, _ string, fence int64) error {
	_, err := b.client.Revoke(ctx, clientv3.LeaseID(fence))
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return nil
	}
	return err
}

// Watch implements [leasestore.Backend].
func (b *backend) Watch(ctx context.Context, ready func(), changed func(key string)) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	for news := range b.client.Watch(ctx, b.token(""), clientv3.WithPrefix(), clientv3.WithCreatedNotify()) {
		if err := news.Err(); err != nil {
			return err
		}
		if news.Created {
			ready()
		}
		for _, e := range news.Events {
			var r record
			if e.Type == clientv3.EventTypePut && json.Unmarshal(e.Kv.Value, &r) == nil && r.Mark != "" {
				continue
			}
			changed(strings.TrimPrefix(string(e.Kv.Key), b.token("")))
		}
	}
	return ctx.Err()
}
