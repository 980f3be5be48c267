package filestore

import (
	"context"
	"errors"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// LockFile is the lock of this package without the file: for a Store that keeps
// its token elsewhere on the machine, in a keyring for instance. It is a value
// that holds no open file, safe for concurrent use; all LockFiles of one path
// exclude each other. It comes from [OpenLock].
type LockFile struct{ place }

// Stored returns the version of what is stored now: 0 if there is nothing, an
// error that is [ErrCorrupt] if it can't be read. Any other error fails the
// Lock or Change that asked.
type Stored func(ctx context.Context) (version uint64, err error)

// OpenLock returns the lock <path>.lock and makes its folder if there is none.
func OpenLock(path string) (*LockFile, error) {
	path, err := filePath("path", path)
	if err != nil {
		return nil, err
	}
	p, err := openPlace(path)
	if err != nil {
		return nil, err
	}
	return &LockFile{p}, nil
}

// Lock is that of [oauth2grant.Store], as [Store.Lock] does it. It notes the
// version that is stored.
func (l LockFile) Lock(ctx context.Context, stored Stored) (held context.Context, unlock func(), err error) {
	return l.lock(ctx, stored.versions)
}

// Change runs write, which stores something under the version it is given: the
// next one. Changes run one at a time, in all processes. With a held context
// Change fails with [oauth2grant.ErrLockLost], and does nothing, if the lock
// was released or lost, or if somebody without the lock has stored another
// version.
func (l LockFile) Change(ctx context.Context, stored Stored, write func(version uint64) error) error {
	if err := makeFolder(l.dir); err != nil {
		return wrap(err)
	}
	return l.change(ctx, change{}, stored.versions, func(_ folder, version uint64) error { return write(version) })
}

// Remember keeps the version of a deletion in the lock file, durably, so that
// what is stored later is newer. Call it in the write of a Change, before
// deleting; and with 0, to forget it, after storing.
func (l LockFile) Remember(version uint64) error {
	f, err := l.open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return f.remember(l.lockBase(), version)
}

// Remembered returns the version of a deletion that Remember kept, 0 if there
// is none: so a Store can tell what was deleted from what is missing.
func (l LockFile) Remembered() (version uint64, err error) {
	f, err := l.open()
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	return f.recall(l.lockBase())
}

// Path returns the absolute path of the lock, with the symbolic links of its
// folder resolved.
func (l LockFile) Path() string { return l.path() + ".lock" }

func (s Stored) versions(ctx context.Context, _ folder) (version uint64, known bool, err error) {
	switch version, err = s(ctx); {
	case errors.Is(err, oauth2grant.ErrNoToken):
		return 0, true, nil
	case errors.Is(err, ErrCorrupt):
		return version, false, nil
	}
	return version, err == nil, err
}
