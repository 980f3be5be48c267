package filestore_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
)

// elsewhere is a version that is kept in memory.
type elsewhere struct {
	version uint64
	err     error
}

func (e *elsewhere) stored(context.Context) (uint64, error) { return e.version, e.err }

func (e *elsewhere) write(version uint64) error { e.version, e.err = version, nil; return nil }

func openLock(tb testing.TB) *filestore.LockFile {
	tb.Helper()
	l, err := filestore.OpenLock(filepath.Join(privateDir(tb), "token"))
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func TestLockFile_FencesWhatIsStoredElsewhere(t *testing.T) {
	l, e := openLock(t), &elsewhere{err: oauth2grant.ErrNoToken}
	held, unlock, err := l.Lock(t.Context(), e.stored)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.Change(held, e.stored, e.write), l.Change(held, e.stored, e.write)); err != nil ||
		e.version != 2 {
		t.Fatalf("version %d, %v", e.version, err)
	}
	unlock()
	refused := func() {
		t.Helper()
		if err := l.Change(held, e.stored, e.write); !errors.Is(err, oauth2grant.ErrLockLost) {
			t.Errorf("a change after unlock gave %v", err)
		}
	}
	refused()
	held, unlock, err = l.Lock(t.Context(), e.stored)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	if err := l.Change(t.Context(), e.stored, e.write); err != nil { // by somebody without the lock
		t.Fatal(err)
	}
	refused()
}

func TestLockFile_RemembersTheVersionOfADeletion(t *testing.T) {
	l, e := openLock(t), &elsewhere{version: 7}
	err := l.Change(t.Context(), e.stored, func(version uint64) error {
		e.version, e.err = 0, oauth2grant.ErrNoToken
		return l.Remember(version)
	})
	if err := errors.Join(err, l.Change(t.Context(), e.stored, e.write)); err != nil || e.version != 9 {
		t.Errorf("the next version is %d, %v", e.version, err)
	}
}

func TestLockFile_ReplacesWhatCannotBeReadAndReportsAnOutage(t *testing.T) {
	l, e := openLock(t), &elsewhere{version: 3, err: filestore.ErrCorrupt}
	held, unlock, err := l.Lock(t.Context(), e.stored)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Change(held, e.stored, e.write); err != nil || e.version != 4 {
		t.Errorf("version %d, %v", e.version, err)
	}
	unlock()
	away := &elsewhere{err: errors.New("away")}
	if _, _, err := l.Lock(t.Context(), away.stored); !errors.Is(err, away.err) {
		t.Errorf("Lock gave %v", err)
	}
	if err := l.Change(t.Context(), away.stored, e.write); !errors.Is(err, away.err) || e.version != 4 {
		t.Errorf("Change gave %v", err)
	}
	if _, unlock, err := l.Lock(t.Context(), e.stored); err != nil {
		t.Errorf("the failed lock is not free: %v", err)
	} else {
		unlock()
	}
}

func TestOpenLock_RefusesWhatIsNoPath(t *testing.T) {
	for _, path := range []string{"", "folder/", "zero\x00"} {
		if _, err := filestore.OpenLock(path); err == nil {
			t.Errorf("%q is taken", path)
		}
	}
}
