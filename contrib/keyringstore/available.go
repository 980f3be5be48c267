package keyringstore

import (
	"context"
	"errors"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// Available returns nil if there is a keyring that can be reached, else
// [ErrUnavailable], [ErrLocked], or the error of ctx. It asks the keyring for
// an item that nobody has, which asks no person for anything on most systems,
// and waits for the answer until ctx ends.
//
// A program that falls back to a file decides once, when it is set up or when a
// person signs in, and keeps to that: with a decision for each run, a desktop
// and an SSH session of one user have a sign-in each. See the example.
func Available(ctx context.Context) error { return available(ctx, systemRing{}) }

func available(ctx context.Context, r ring) error {
	_, err := call(ctx, items{r, "oauth2grant", "is there a keyring"}.head)
	if errors.Is(err, oauth2grant.ErrNoToken) || errors.Is(err, ErrCorrupt) {
		return nil
	}
	return err
}
