package redisstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

var (
	// ErrLockLost says that a lock is not held any more: it is the cause of held's end, and the error of a Save or Delete with the context of a lock that was
	// released, that somebody else has taken since, or whose token was changed by somebody who did not hold it. Nothing was changed.
	ErrLockLost = errors.New("redisstore: the lock is not held any more")
	// ErrCorrupt says that what is stored is no token. Nothing is deleted; the next Save replaces it.
	ErrCorrupt = errors.New("redisstore: what is stored is no token")
	// ErrClosed says that the Family was closed.
	ErrClosed = errors.New("redisstore: closed")
)

// ServerError is a refusal by Redis. It has the first word of it only: the rest may quote the arguments of a command, which hold tokens.
type ServerError struct {
	Code string // ERR, NOAUTH, NOPERM, OOM, READONLY, LOADING, MISCONF, …
}

func (e *ServerError) Error() string { return "Redis refused: " + e.Code }

// fail says what failed, and if it is the context that ended, why.
func fail(ctx context.Context, what, key string, err error) error {
	var refused redis.Error
	if errors.As(err, &refused) {
		code, _, _ := strings.Cut(refused.Error(), " ")
		err = &ServerError{Code: code}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) { // the client turns deadlines into those of the socket
		err = fmt.Errorf("%w: %w", context.DeadlineExceeded, err)
	}
	if ended := ctx.Err(); ended != nil {
		err = errors.Join(because(ctx), err)
	}
	return fmt.Errorf("redisstore: %s of %q: %w", what, key, err)
}

// because gives the error of a context that ended, with its cause.
func because(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, ctx.Err()) {
		return fmt.Errorf("%w: %w", ctx.Err(), cause)
	}
	return ctx.Err()
}
