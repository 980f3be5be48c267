package keyringstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/zalando/go-keyring"
)

var (
	// ErrUnavailable says that no keyring can be reached. The error that wraps
	// it has the cause.
	ErrUnavailable = errors.New("keyringstore: no keyring can be reached: run in a desktop session " +
		"(on Linux: a D-Bus session with a Secret Service such as GNOME Keyring), or keep the token in package " +
		"filestore")
	// ErrLocked says that the keyring is locked and stayed so: nobody could be
	// asked for its password, or the answer was no.
	ErrLocked = errors.New("keyringstore: the keyring is locked: unlock it, or run where its password can be asked for")
	// ErrCorrupt says that the items are no token. Nothing is deleted; the next
	// Save replaces them.
	ErrCorrupt = errors.New("keyringstore: what the keyring holds is no token of this package: " +
		"sign in again, or delete the item")
	// ErrTooLarge says that a token takes more than 256 KiB.
	ErrTooLarge = errors.New("keyringstore: the token takes more than 256 KiB")
)

// explain makes ErrUnavailable, ErrLocked or ErrTooLarge of what go-keyring
// says. A missing item stays keyring.ErrNotFound.
func explain(err error) error {
	switch {
	case err == nil, errors.Is(err, keyring.ErrNotFound):
		return err
	case errors.Is(err, keyring.ErrSetDataTooBig):
		return ErrTooLarge
	case !errors.Is(err, errLost) && isLocked(err):
		return fmt.Errorf("%w (%w)", ErrLocked, err)
	}
	return fmt.Errorf("%w (%w)", ErrUnavailable, err)
}

// unanswered is for a caller whose ctx ended first.
func unanswered(ctx context.Context) error {
	why := context.Cause(ctx)
	if !errors.Is(why, ctx.Err()) {
		why = fmt.Errorf("%w: %w", ctx.Err(), why)
	}
	return fmt.Errorf("keyringstore: the keyring has not answered: it may be asking a person to unlock it: %w", why)
}
