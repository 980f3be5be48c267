package pgstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Store is the oauth2grant.Store, and the oauth2grant.Notifier, of one key. It is a value, safe for concurrent use; all Stores of one key and table share
// one token and exclude each other, in all processes. It comes from Family.Store. Its methods give errors after Config.Timeout when PostgreSQL can't be
// reached; a *ServerError says that PostgreSQL refused.
type Store struct {
	family *Family
	key    string
}

var (
	_ oauth2grant.Store    = Store{}
	_ oauth2grant.Notifier = Store{}
)

// Store gives the store of a key, such as the name of a user: UTF-8 without zero bytes, up to 2,000 bytes. The key is no secret. It does not connect.
func (f *Family) Store(key string) *Store { return &Store{family: f, key: key} }

// querier is the pool, or the connection of a lock.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// exchange runs one exchange with PostgreSQL, bounded in time: on the connection of the lock whose context this is, else on one of the pool.
func (s Store) exchange(ctx context.Context, what string, do func(context.Context, querier) error) error {
	if ctx.Err() != nil {
		return fail(ctx, what, s.key, nil)
	}
	limited, cancel := context.WithTimeout(ctx, s.family.cfg.Timeout)
	defer cancel()
	err := s.lease(ctx).use(limited, func(q querier) error {
		if q == nil {
			return do(limited, s.family.pool)
		}
		whole, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.family.cfg.Timeout) // to cut it short would end the connection
		defer cancel()
		return do(whole, q)
	})
	if err != nil {
		return fail(ctx, what, s.key, err)
	}
	return nil
}

// place is what the token is sealed for.
func (s Store) place() string { return "oauth2grant_tokens:" + s.key }

// Load gives the token. Besides oauth2grant.ErrNoToken, the errors are ErrCorrupt, those of package seal, and those of the connection.
func (s Store) Load(ctx context.Context) (oauth2grant.Token, error) {
	var data []byte
	err := s.exchange(ctx, "load", func(ctx context.Context, q querier) error {
		err := q.QueryRow(ctx, loadRow, s.key).Scan(&data)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil {
		return oauth2grant.Token{}, err
	}
	if data == nil {
		return oauth2grant.Token{}, oauth2grant.ErrNoToken
	}
	plain, err := s.family.box.Open(ctx, data, s.place())
	if err != nil {
		return oauth2grant.Token{}, fmt.Errorf("pgstore: load of %q: %w", s.key, err)
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
		return fmt.Errorf("pgstore: save of %q: %w", s.key, err)
	}
	sealed, err := s.family.box.Seal(ctx, plain, s.place())
	if err != nil {
		return fmt.Errorf("pgstore: save of %q: %w", s.key, err)
	}
	return s.change(ctx, "save", sealed)
}

// Delete removes the token; its version and fence stay. The errors are those of Save.
func (s Store) Delete(ctx context.Context) error { return s.change(ctx, "delete", nil) }

// change saves, or deletes if there is no data.
func (s Store) change(ctx context.Context, what string, data []byte) error {
	l := s.lease(ctx)
	if l != nil && l.released.Load() {
		return fmt.Errorf("%w: %s of %q after unlock", ErrLockLost, what, s.key)
	}
	return s.exchange(ctx, what, func(ctx context.Context, q querier) (err error) {
		switch {
		case l != nil:
			var done pgconn.CommandTag
			done, err = q.Exec(ctx, changeLockedRow, s.key, data, s.topic(), l.fence, l.version)
			if err == nil && done.RowsAffected() == 0 {
				return fmt.Errorf("%w: somebody else has taken it, or has changed the token", ErrLockLost)
			}
		case data == nil:
			_, err = q.Exec(ctx, emptyRow, s.key, s.topic())
		default:
			_, err = q.Exec(ctx, saveRow, s.key, data, s.topic())
		}
		return err
	})
}

// topic is what is told when the token changes: short, whatever the key.
func (s Store) topic() string {
	sum := sha256.Sum256([]byte(s.key))
	return hex.EncodeToString(sum[:16])
}

// String names the store by its key.
func (s Store) String() string { return fmt.Sprintf("pgstore(%q)", s.key) }

// Format implements fmt.Formatter, so that no verb shows more than String does.
func (s Store) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue implements slog.LogValuer.
func (s Store) LogValue() slog.Value { return slog.StringValue(s.String()) }
