package keyringstore

import (
	"context"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// Ring is the part of go-keyring in use.
type Ring = ring

// On returns the store over another keyring.
func (s Store) On(r Ring) *Store {
	s.ring = r
	return &s
}

// Settle waits for the calls that nobody waits for any more.
func Settle() { jobs.Wait() }

// LockFile is the lock between processes.
func LockFile(s *Store) *filestore.LockFile { return s.lock }

// AvailableOn is Available on another keyring.
func AvailableOn(ctx context.Context, r Ring) error { return available(ctx, r) }
