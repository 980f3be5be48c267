package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Store is the oauth2grant.Store, and the oauth2grant.Notifier, of one key. It is a value, safe for concurrent use; all Stores of one key and prefix share
// one token and exclude each other, in all processes. It comes from Family.Store. Its methods give errors after Config.Timeout when Redis can't be
// reached; a *ServerError says that Redis refused.
type Store struct {
	family *Family
	key    string
	base   string // of the names of its keys
}

var (
	_ oauth2grant.Store    = Store{}
	_ oauth2grant.Notifier = Store{}
)

// tag makes any key fit between the braces that choose the slot in a cluster.
var tag = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D")

// Store gives the store of a key, such as the name of a user. The key is no secret. It does not connect.
func (f *Family) Store(key string) *Store {
	name := tag.Replace(key)
	if name == "" {
		name = "%" // an empty tag is none
	}
	return &Store{family: f, key: key, base: f.cfg.Prefix + ":{" + name + "}:"}
}

func (s Store) token() string { return s.base + "token" }

func (s Store) state() string { return s.base + "state" }

func (s Store) lock() string { return s.base + "lock" }

// exchange runs one exchange with Redis, bounded in time.
func (s Store) exchange(ctx context.Context, what string, do func(context.Context) error) error {
	if ctx.Err() != nil {
		return fail(ctx, what, s.key, nil)
	}
	limited, cancel := context.WithTimeout(ctx, s.family.cfg.Timeout)
	defer cancel()
	if err := do(limited); err != nil {
		return fail(ctx, what, s.key, err)
	}
	return nil
}

// Load gives the token. Besides oauth2grant.ErrNoToken, the errors are ErrCorrupt, those of package seal, and those of the connection.
func (s Store) Load(ctx context.Context) (oauth2grant.Token, error) {
	var data []byte
	err := s.exchange(ctx, "load", func(ctx context.Context) (err error) {
		data, err = s.family.client.Get(ctx, s.token()).Bytes()
		if errors.Is(err, redis.Nil) {
			return oauth2grant.ErrNoToken
		}
		return err
	})
	if errors.Is(err, oauth2grant.ErrNoToken) {
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	} else if err != nil {
		return oauth2grant.Token{}, err
	}
	plain, err := s.family.box.Open(ctx, data, s.token())
	if err != nil {
		return oauth2grant.Token{}, fmt.Errorf("redisstore: load of %q: %w", s.key, err)
	}
	var t oauth2grant.Token
	if json.Unmarshal(plain, &t) != nil || t.AccessToken == "" && t.RefreshToken == "" && t.IDToken == "" {
		return oauth2grant.Token{}, fmt.Errorf("%w: key %q", ErrCorrupt, s.key)
	}
	return t, nil
}

// Save replaces the token; that of the zero Token is Delete. Besides those of the connection, the errors are ErrLockLost and seal.ErrKey.
func (s Store) Save(ctx context.Context, t oauth2grant.Token) error {
	if t == (oauth2grant.Token{}) {
		return s.Delete(ctx)
	}
	plain, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("redisstore: save of %q: %w", s.key, err)
	}
	sealed, err := s.family.box.Seal(ctx, plain, s.token())
	if err != nil {
		return fmt.Errorf("redisstore: save of %q: %w", s.key, err)
	}
	return s.change(ctx, "save", sealed)
}

// Delete removes the token. What remains for a day is its version and its fence. The errors are those of Save.
func (s Store) Delete(ctx context.Context) error { return s.change(ctx, "delete", nil) }

// change runs the script that saves, or deletes if there is no data.
func (s Store) change(ctx context.Context, what string, data []byte) error {
	fence, version := "", ""
	if l, ok := ctx.Value(leaseKey{s.family, s.key}).(*lease); ok {
		if l.released.Load() {
			return fmt.Errorf("%w: %s of %q after unlock", ErrLockLost, what, s.key)
		}
		fence, version = l.fence, l.version
	}
	return s.exchange(ctx, what, func(ctx context.Context) error {
		done, err := changeScript.Run(ctx, s.family.client, []string{s.token(), s.state()},
			fence, version, data, s.family.cfg.TTL.Milliseconds(), remembered.Milliseconds(), s.family.channel(), s.key).Bool()
		if err == nil && !done {
			return fmt.Errorf("%w: somebody else has taken it, or has changed the token", ErrLockLost)
		}
		return err
	})
}

// remembered is how long version and fence outlive the token.
const remembered = 24 * time.Hour

// String names the store by its prefix and key.
func (s Store) String() string { return fmt.Sprintf("redisstore(%s, %q)", s.family.cfg.Prefix, s.key) }

// Format implements fmt.Formatter, so that no verb shows more than String does.
func (s Store) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements slog.LogValuer.
func (s Store) LogValue() slog.Value { return slog.StringValue(s.String()) }
