package filestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// errUnchanged comes from a write that had nothing to do.
var errUnchanged = errors.New("filestore: nothing to change")

// change is what decides whether a write may go ahead.
type change struct {
	answers string // the mark that an answer belongs to: it needs no lock
	mark    string // of the token to be saved: it needs the lock
}

// change runs one write under the next version: one at a time for all
// processes, and with a lease only as long as that is good.
func (p place) change(
	ctx context.Context, c change, stored versions, write func(f folder, version uint64) error,
) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q, leave := p.enter()
	defer leave()
	if err := q.writing.take(ctx); err != nil {
		return err
	}
	defer q.writing.give()
	l := p.leaseFor(ctx, q, c)
	l.mu.Lock()
	defer l.mu.Unlock()

	f, err := p.open()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	writer, err := f.lock(ctx, p.writeBase(), writeInterval)
	if err != nil {
		return err
	}
	defer func() { _ = writer.Unlock() }()
	version, known, err := p.version(ctx, f, stored)
	if err != nil {
		return err
	}
	if c.answers == "" {
		if err := l.check(f, p, c, version, known); err != nil {
			return err
		}
	}
	next := max(version, l.version) + 1
	if err := write(f, next); errors.Is(err, errUnchanged) {
		return nil
	} else if err != nil {
		// It is there, though maybe not durable.
		if now, _, again := p.version(ctx, f, stored); again == nil && now == next {
			l.note(next, c.mark)
		}
		return err
	}
	l.note(next, c.mark)
	return nil
}

// note keeps the version, and the mark if there is one, of a change. l.mu is
// held.
func (l *lease) note(version uint64, mark string) {
	if l.version = version; mark != "" {
		l.mark = mark
	}
}

// leaseFor returns the lease that a change is made with: that of ctx or, for an
// answer, that of the holder who saved the mark; else a new one, of no lock.
func (p place) leaseFor(ctx context.Context, q *queue, c change) *lease {
	l, _ := ctx.Value(leaseKey{p}).(*lease)
	if c.answers != "" {
		if l = q.holder(); l != nil && !l.marked(c.answers) {
			l = nil
		}
	}
	if l == nil {
		l = &lease{}
	}
	return l
}

// marked reports whether mark is the last one that the holder saved.
func (l *lease) marked(mark string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mark == mark
}

// check fails unless l is no lease at all or still the newest one. A file that
// can't be read is nobody's newer token.
func (l *lease) check(f folder, p place, c change, version uint64, known bool) error {
	if l.released {
		return fmt.Errorf("%w: it was released before: %s", oauth2grant.ErrLockLost, p.path())
	}
	if l.file == nil {
		if c.mark != "" {
			return fmt.Errorf("%w: a token with a mark needs it: %s", oauth2grant.ErrLockLost, p.path())
		}
		return nil
	}
	same, err := f.isLock(p.lockBase(), l.file)
	switch {
	case err != nil:
		return err
	case !same:
		return fmt.Errorf("%w: somebody removed %s: leave it there", oauth2grant.ErrLockLost, l.file.Path())
	case known && version != l.version:
		return fmt.Errorf("%w: %s was changed by somebody who did not hold it", oauth2grant.ErrLockLost, p.path())
	}
	return nil
}
