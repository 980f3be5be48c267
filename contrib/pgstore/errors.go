package pgstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// ErrLockLost says that a lock is not held any more: it is the cause of held's end, and the error of a Save or Delete with the context of a lock that was
	// released, that somebody else has taken since, or whose token was changed by somebody who did not hold it. Nothing was changed.
	ErrLockLost = errors.New("pgstore: the lock is not held any more")
	// ErrCorrupt says that what is stored is no token. Nothing is deleted; the next Save replaces it.
	ErrCorrupt = errors.New("pgstore: what is stored is no token")
	// ErrClosed says that the Family was closed.
	ErrClosed = errors.New("pgstore: closed")
)

// ServerError is a refusal by PostgreSQL. It has the code of it only: texts and details may quote what a row holds.
type ServerError struct {
	Code string // SQLSTATE, such as 42501
}

func (e *ServerError) Error() string {
	text := "PostgreSQL refused: SQLSTATE " + e.Code
	switch e.Code {
	case "42P01", "42703":
		return text + " (the table or a column is missing: call Migrate, and look at the search_path)"
	case "42501":
		return text + " (the user lacks a privilege)"
	case "42704":
		return text + " (a setting is unknown: PostgreSQL must be 14 or later)"
	}
	return text
}

// fail says what failed, and if it is the context that ended, why.
func fail(ctx context.Context, what, key string, err error) error {
	err = clean(err)
	if ctx.Err() != nil {
		err = errors.Join(because(ctx), err)
	}
	return fmt.Errorf("pgstore: %s of %q: %w", what, key, err)
}

// clean drops what a refusal may quote.
func clean(err error) error {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return &ServerError{Code: refused.Code}
	}
	return err
}

// because gives the error of a context that ended, with its cause.
func because(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}
