package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/leasestore"
)

// backend is the [leasestore.Backend] over a pool.
type backend struct {
	pool *pgxpool.Pool
	cfg  Config
	sql  statements

	bare atomic.Bool // nothing is kept in a session: a pooler may change that at any time
}

// row runs a statement that returns one row, or none, as one that pgx prepares,
// if the pool is set up so, and until a session turns out not to have what was
// prepared, or to have it from somebody else: then the statement was not run.
func (b *backend) row(ctx context.Context, into []any, sql string, args ...any) error {
	ask := func(args ...any) error {
		err := b.pool.QueryRow(ctx, sql, args...).Scan(into...)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return clean(err)
	}
	if !b.bare.Load() {
		err := ask(args...)
		refused, ok := errors.AsType[*ServerError](err)
		if !ok || refused.Code != "26000" && refused.Code != "42P05" {
			return err
		}
		b.bare.Store(true)
	}
	return ask(append([]any{pgx.QueryExecModeExec}, args...)...)
}

// change runs a statement, and reports whether it concerned a row.
func (b *backend) change(ctx context.Context, sql string, args ...any) (changed bool, err error) {
	err = b.row(ctx, []any{&changed}, sql, args...)
	return changed, err
}

// Load implements [leasestore.Backend].
func (b *backend) Load(ctx context.Context, key string) (token []byte, version int64, err error) {
	err = b.row(ctx, []any{&token, &version}, b.sql.load, key)
	return token, version, err
}

// Save implements [leasestore.Backend].
func (b *backend) Save(ctx context.Context, key string, c leasestore.Change) (saved bool, err error) {
	sql, args := b.sql.save, []any{key, c.Token, c.Mark, c.Answers, c.Hold.Milliseconds()}
	switch {
	case c.Answers != "":
		sql = b.sql.saveAnswer
	case c.Fence != 0:
		sql, args = b.sql.saveLocked, append(args, c.Fence, c.Version)
	}
	if b.cfg.Listen && c.Mark == "" {
		sql = strings.Replace(notifyOnce, "SAVE", sql, 1)
	}
	return b.change(ctx, sql, args...)
}

// TryLock implements [leasestore.Backend].
func (b *backend) TryLock(
	ctx context.Context, key string, lease, notice time.Duration,
) (try leasestore.Try, err error) {
	var ms int64
	into := []any{&try.Fence, &try.Version, &ms}
	err = b.row(ctx, into, b.sql.lock, key, lease.Milliseconds(), notice.Milliseconds())
	if try.Wait = time.Duration(ms) * time.Millisecond; ms <= 0 {
		try.Wait = lease // somebody else has made or taken the row just now
	}
	return try, err
}

// Extend implements [leasestore.Backend].
func (b *backend) Extend(ctx context.Context, key string, fence int64, lease time.Duration) (extended bool, err error) {
	return b.change(ctx, b.sql.extend, key, fence, lease.Milliseconds())
}

// Unlock implements [leasestore.Backend].
func (b *backend) Unlock(ctx context.Context, key string, fence int64) error {
	_, err := b.change(ctx, b.sql.unlock, key, fence)
	return err
}

// Check implements [leasestore.Backend].
func (b *backend) Check(ctx context.Context) error {
	var readOnly, may bool
	var isolation string
	var version int
	into, name := []any{&readOnly, &isolation, &may, &version}, pgx.Identifier{b.cfg.Schema, table}.Sanitize()
	err := b.row(ctx, into, b.sql.check, name)
	switch {
	case err != nil:
		return err
	case readOnly:
		return errors.New("the connection is read-only: if the server is a replica, " +
			"connect to its primary, with target_session_attrs=read-write")
	case isolation != "read committed":
		return fmt.Errorf("the isolation level is %s: set default_transaction_isolation to read committed", isolation)
	case !may:
		return errors.New("the user lacks SELECT, INSERT or UPDATE on the table")
	case version < len(migrations):
		return fmt.Errorf("the table is of version %d: call Migrate", version)
	}
	return nil
}

// ServerError is a refusal by PostgreSQL. It has the code of it only: texts and
// details may quote what a row holds.
type ServerError struct {
	Code string // SQLSTATE, such as 42501
}

var hints = map[string]string{
	"42P01": " (the table is missing: call Migrate, and look at Config.Schema)",
	"42703": " (a column is missing: call Migrate)",
	"3F000": " (the schema is missing: look at Config.Schema)",
	"42501": " (the user lacks a privilege)",
	"22021": " (the key is not UTF-8, or has a zero byte)",
	"54000": " (the key is too long)",
	"25006": " (the server is a replica, or read-only)",
	"28000": " (the user is wrong)",
	"28P01": " (the user or the password is wrong)",
	"53100": " (its disk is full)",
	"53300": " (it has too many connections)",
}

// Error names the code, and what to do about it.
func (e *ServerError) Error() string { return "PostgreSQL refused: SQLSTATE " + e.Code + hints[e.Code] }

// clean makes a [ServerError] of a refusal.
func clean(err error) error {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return &ServerError{Code: refused.Code}
	}
	return err
}
