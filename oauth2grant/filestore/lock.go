package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/oauth2grant/go-oauth2grant/internal/crashpoint"
)

// pollInterval is how often a lock of another process is tried: the system offers no wait that a context could end.
const pollInterval = 50 * time.Millisecond

// leaseKey finds the lease of one place in a context.
type leaseKey struct{ place }

// lease is one holding of the lock.
type lease struct {
	file *flock.Flock

	mu       sync.Mutex // held during a change, which unlock waits for
	version  uint64     // of the last change that the holder knows of
	released bool
}

// Lock waits for every other holder, in this process and in others, until ctx ends. The lock lasts until unlock, or the end of the process; held is a child
// of ctx that ends with it only. The error wraps that of ctx, or is ErrInsecure or one of the file system.
func (s Store) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	return s.lock(ctx, s.stored)
}

// versions gives the version of what is stored, and whether it can be known: not if what is there can't be read.
type versions func(ctx context.Context, f folder) (version uint64, known bool, err error)

func (p place) lock(ctx context.Context, stored versions) (held context.Context, unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	q, leave := p.enter()
	if err := q.holding.take(ctx); err != nil {
		leave()
		return nil, nil, fmt.Errorf("filestore: waiting for the lock of %s: %w", p.path(), err)
	}
	l, err := p.lockFile(ctx, stored)
	if err != nil {
		q.holding.give()
		leave()
		return nil, nil, err
	}
	crashpoint.At("filestore.locked")
	unlock = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.released {
			return
		}
		l.released = true
		_ = l.file.Unlock()
		q.holding.give()
		leave()
	}
	return context.WithValue(ctx, leaseKey{p}, l), unlock, nil
}

var errReplaced = errors.New("filestore: the lock file was replaced meanwhile")

// lockFile takes the lock between processes.
func (p place) lockFile(ctx context.Context, stored versions) (*lease, error) {
	l := &lease{file: flock.New(filepath.Join(p.dir, p.lockBase()), flock.SetFlag(lockFlags))}
	for {
		err := p.tryFile(ctx, l, stored)
		if err == nil {
			return l, nil
		}
		_ = l.file.Unlock()
		if !errors.Is(err, errReplaced) {
			return nil, err
		}
	}
}

// tryFile locks the file, makes sure that it is the one which others would lock, removes what killed holders left, and notes the version.
func (p place) tryFile(ctx context.Context, l *lease, stored versions) error {
	if err := makeFolder(p.dir); err != nil {
		return wrap(err)
	}
	f, err := p.open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	file, err := f.openPrivate(p.lockBase(), os.O_RDWR|os.O_CREATE) // somebody else could hold a lock that is not private for ever
	if err != nil {
		return err
	}
	_ = file.Close()
	if _, err := l.file.TryLockContext(ctx, pollInterval); err != nil {
		return fmt.Errorf("filestore: waiting for the lock %s: %w", l.file.Path(), err)
	}
	if same, err := f.isLock(p.lockBase(), l.file); err != nil {
		return err
	} else if !same {
		return errReplaced
	}
	if err := f.sweep(p.base); err != nil {
		return err
	}
	l.version, _, err = p.version(ctx, f, stored)
	return err
}

// isLock tells whether a locked file is still the one that others would lock.
func (f folder) isLock(lockBase string, locked *flock.Flock) (bool, error) {
	info, err := locked.Stat()
	if err != nil {
		return false, wrap(err)
	}
	named, err := f.Lstat(lockBase)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, wrap(err)
	}
	return os.SameFile(info, named), nil
}

// errUnchanged comes from a write that had nothing to do.
var errUnchanged = errors.New("filestore: nothing to change")

// change runs one write under the next version: one at a time in this process, and with a lease only as long as that is good.
func (p place) change(ctx context.Context, stored versions, write func(f folder, version uint64) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q, leave := p.enter()
	defer leave()
	if err := q.writing.take(ctx); err != nil {
		return err
	}
	defer q.writing.give()
	l, _ := ctx.Value(leaseKey{p}).(*lease)
	if l == nil {
		l = &lease{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()

	f, err := p.open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	version, known, err := p.version(ctx, f, stored)
	if err != nil {
		return err
	}
	if err := l.check(f, p, version, known); err != nil {
		return err
	}
	next := max(version, l.version) + 1
	if err := write(f, next); errors.Is(err, errUnchanged) {
		return nil
	} else if err != nil {
		if now, _, again := p.version(ctx, f, stored); again == nil && now == next { // it is there, though maybe not durable
			l.version = next
		}
		return err
	}
	l.version = next
	return nil
}

// check fails unless l is no lease at all or still the newest one. A file that can't be read is nobody's newer token.
func (l *lease) check(f folder, p place, version uint64, known bool) error {
	if l.released {
		return fmt.Errorf("%w: it was released before: %s", ErrLockLost, f.Name())
	}
	if l.file == nil {
		return nil
	}
	same, err := f.isLock(p.lockBase(), l.file)
	switch {
	case err != nil:
		return err
	case !same:
		return fmt.Errorf("%w: somebody removed %s: leave it there", ErrLockLost, l.file.Path())
	case known && version != l.version:
		return fmt.Errorf("%w: %s was changed by somebody who did not hold the lock", ErrLockLost, filepath.Join(p.dir, p.base))
	}
	return nil
}
