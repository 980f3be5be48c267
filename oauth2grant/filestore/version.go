package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// version returns the number of the last change, and whether it can be known.
func (p place) version(ctx context.Context, f folder, stored versions) (version uint64, known bool, err error) {
	deleted, err := f.recall(p.lockBase())
	if err != nil {
		return 0, false, err
	}
	version, known, err = stored(ctx, f)
	return max(version, deleted), known, err
}

// stored returns the version in the token file.
func (s Store) stored(_ context.Context, f folder) (version uint64, known bool, err error) {
	r, known := s.record(f)
	return r.Version, known, nil
}

// record reads the token file, and reports whether that can be done; a missing
// one is the zero record.
func (s Store) record(f folder) (record, bool) {
	data, err := f.read(s.base)
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, true
	}
	var r record
	if err == nil {
		r, err = parseRecord(data)
	}
	return r, err == nil
}

// The version that Delete left is in the lock file, after its first byte: that
// one is what Windows locks.
const versionOffset, versionSize = 1, 20

// recall reads the version that the last Delete left.
func (f folder) recall(lockBase string) (uint64, error) {
	file, err := f.openPrivate(lockBase, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }()
	digits := make([]byte, versionSize)
	if _, err := file.ReadAt(digits, versionOffset); errors.Is(err, io.EOF) {
		return 0, nil
	} else if err != nil {
		return 0, wrap(err)
	}
	version, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		return 0, nil // written by nobody of us: as good as none
	}
	return version, nil
}

// remember leaves the version of a Delete, durably; 0 takes one away.
func (f folder) remember(lockBase string, version uint64) error {
	if version == 0 {
		if old, err := f.recall(lockBase); err != nil || old == 0 {
			return err
		}
	}
	file, err := f.openPrivate(lockBase, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(fmt.Appendf(nil, "%0*d", versionSize, version), versionOffset)
	if err == nil {
		err = file.Sync()
	}
	return wrap(errors.Join(err, file.Close()))
}
