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

// How often a lock of another process is tried: the system offers no wait that
// a context could end.
const (
	pollInterval  = 50 * time.Millisecond
	writeInterval = 2 * time.Millisecond
)

// leaseKey finds the lease of one place in a context.
type leaseKey struct{ place }

// lease is one holding of the lock.
type lease struct {
	file *flock.Flock

	// mu is held during a change, which unlock waits for. It guards what
	// follows.
	mu       sync.Mutex
	version  uint64 // of the last change that the holder knows of
	mark     string // the last one that it saved
	released bool
}

// Lock waits for every other holder, in this process and in others, until ctx
// ends. The lock lasts until unlock, or the end of the process; held is a child
// of ctx that ends with it only. The error wraps that of ctx, or is
// [ErrInsecure] or one of the file system.
func (s Store) Lock(ctx context.Context) (held context.Context, unlock func(), err error) {
	return s.lock(ctx, s.stored)
}

// versions returns the version of what is stored, and whether it can be known:
// not if what is there can't be read.
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
	l, err := p.lease(ctx, stored)
	if err != nil {
		q.holding.give()
		leave()
		return nil, nil, err
	}
	q.hold(l)
	crashpoint.At("filestore.locked")
	unlock = func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.released {
			return
		}
		l.released = true
		q.hold(nil)
		_ = l.file.Unlock()
		q.holding.give()
		leave()
	}
	return context.WithValue(ctx, leaseKey{p}, l), unlock, nil
}

// lease takes the lock between processes and notes the version.
func (p place) lease(ctx context.Context, stored versions) (*lease, error) {
	if err := makeFolder(p.dir); err != nil {
		return nil, wrap(err)
	}
	f, err := p.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	l := &lease{}
	if l.file, err = f.lock(ctx, p.lockBase(), pollInterval); err != nil {
		return nil, err
	}
	if l.version, _, err = p.version(ctx, f, stored); err != nil {
		_ = l.file.Unlock()
		return nil, err
	}
	p.sweepDead(f)
	return l, nil
}

// sweepDead removes what a writer that was killed has left, unless somebody is
// writing just now. What can't be removed is written over by the next writer.
func (p place) sweepDead(f folder) {
	if _, err := f.Lstat(tempBase(p.base)); err != nil {
		return
	}
	writer := flock.New(filepath.Join(f.Name(), p.writeBase()), flock.SetFlag(lockFlags))
	if alone, err := writer.TryLock(); err != nil || !alone {
		return
	}
	defer func() { _ = writer.Unlock() }()
	if same, err := f.isLock(p.writeBase(), writer); err == nil && same {
		_ = f.sweep(p.base)
	}
}

// lock locks a file and makes sure that it is the one which others would lock.
func (f folder) lock(ctx context.Context, base string, poll time.Duration) (*flock.Flock, error) {
	for {
		// Somebody else could hold a lock that is not private for ever.
		file, err := f.openPrivate(base, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, err
		}
		_ = file.Close()
		locked := flock.New(filepath.Join(f.Name(), base), flock.SetFlag(lockFlags))
		if _, err := locked.TryLockContext(ctx, poll); err != nil {
			return nil, fmt.Errorf("filestore: waiting for the lock %s: %w", locked.Path(), err)
		}
		same, err := f.isLock(base, locked)
		if same {
			return locked, nil
		}
		_ = locked.Unlock()
		if err != nil {
			return nil, err
		}
	}
}

// isLock reports whether a locked file is still the one that others would lock.
func (f folder) isLock(base string, locked *flock.Flock) (bool, error) {
	info, err := locked.Stat()
	if err != nil {
		return false, wrap(err)
	}
	named, err := f.Lstat(base)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, wrap(err)
	}
	return os.SameFile(info, named), nil
}
