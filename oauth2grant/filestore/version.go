package filestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
)

// version gives the number of the last change, and whether it can be known: not if there is a file that can't be read.
func (f folder) version(p place) (version uint64, known bool, err error) {
	if version, err = f.recall(p.lockBase()); err != nil {
		return 0, false, err
	}
	data, err := f.read(p.base)
	if errors.Is(err, fs.ErrNotExist) {
		return version, true, nil
	}
	var r record
	if err == nil {
		r, err = parseRecord(data)
	}
	return max(version, r.Version), err == nil, nil
}

// The version that Delete left is in the lock file, after its first byte: that one is what Windows locks.
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

// remember leaves the version of a Delete, durably.
func (f folder) remember(lockBase string, version uint64) error {
	file, err := f.openPrivate(lockBase, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(fmt.Appendf(nil, "%0*d", versionSize, version), versionOffset)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return wrap(err)
	}
	return nil
}
