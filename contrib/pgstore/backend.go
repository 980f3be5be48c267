package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
}

// mode sends a statement, its arguments and the request to run it in one go,
// and keeps nothing in the session: a pooler may change that at any time.
const mode = pgx.QueryExecModeExec

// exec runs a statement, and reports whether it concerned a row.
func (b *backend) exec(ctx context.Context, sql string, args ...any) (bool, error) {
	done, err := b.pool.Exec(ctx, sql, append([]any{mode}, args...)...)
	return done.RowsAffected() > 0, clean(err)
}

// Load implements [leasestore.Backend].
func (b *backend) Load(ctx context.Context, key string) (token []byte, version int64, err error) {
	err = b.pool.QueryRow(ctx, b.sql.load, mode, key).Scan(&token, &version)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, nil
	}
	return token, version, clean(err)
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
	return b.exec(ctx, sql, args...)
}

// TryLock implements [leasestore.Backend].
func (b *backend) TryLock(ctx context.Context, key string, lease, notice time.Duration) (try leasestore.Try, err error) {
	var ms int64
	err = b.pool.QueryRow(ctx, b.sql.lock, mode, key, lease.Milliseconds(), notice.Milliseconds()).Scan(&try.Fence, &try.Version, &ms)
	if try.Wait = time.Duration(ms) * time.Millisecond; ms <= 0 {
		try.Wait = lease // somebody else has made or taken the row just now
	}
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return try, clean(err)
}

// Extend implements [leasestore.Backend].
func (b *backend) Extend(ctx context.Context, key string, fence int64, lease time.Duration) (extended bool, err error) {
	return b.exec(ctx, b.sql.extend, key, fence, lease.Milliseconds())
}

// Unlock implements [leasestore.Backend].
func (b *backend) Unlock(ctx context.Context, key string, fence int64) error {
	_, err := b.exec(ctx, b.sql.unlock, key, fence)
	return err
}

// Check implements [leasestore.Checker].
func (b *backend) Check(ctx context.Context) error {
	var replica bool
	var version int
	if err := b.pool.QueryRow(ctx, b.sql.check, mode).Scan(&replica, &version); err != nil {
		return clean(err)
	}
	if replica {
		return errors.New("this server is a replica, and read-only: connect to its primary, with target_session_attrs=read-write")
	}
	if files, err := migrationFiles(); err != nil || version < len(files) {
		return errors.Join(err, fmt.Errorf("the table is of version %d: call Migrate", version))
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
	"25006": " (the server is a replica, and read-only)",
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
