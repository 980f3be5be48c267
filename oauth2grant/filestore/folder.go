package filestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/oauth2grant/go-oauth2grant/internal/crashpoint"
)

// place is where a token lives.
type place struct{ dir, base string }

// openPlace makes the folder of a path. Two ways to one folder are one place.
func openPlace(path string) (place, error) {
	dir, base := filepath.Split(path)
	if err := makeFolder(filepath.Clean(dir)); err != nil {
		return place{}, wrap(err)
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return place{}, wrap(err)
	}
	return place{dir: dir, base: base}, nil
}

func (p place) path() string { return filepath.Join(p.dir, p.base) }

func (p place) lockBase() string { return p.base + ".lock" }

func (p place) writeBase() string { return p.base + ".write.lock" }

// folder is an open folder: everything is done relative to its descriptor, so
// that what was checked is what is used.
type folder struct{ *os.Root }

// open opens the folder and refuses one that others may write to.
func (p place) open() (folder, error) {
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return folder{}, wrap(err)
	}
	info, err := root.Stat(".")
	if err == nil {
		err = checkFolder(p.dir, info)
	}
	if err != nil {
		_ = root.Close()
		return folder{}, err
	}
	return folder{root}, nil
}

// openPrivate opens a file, having checked on the descriptor that it is ours
// alone. It follows no symbolic link and waits for no pipe. With os.O_CREATE in
// flag it makes what is missing.
func (f folder) openPrivate(base string, flag int) (*os.File, error) {
	for range 100 { // each further time, somebody has just replaced the file
		named, err := f.Lstat(base)
		if errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0 {
			file, err := f.OpenFile(base, flag|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				continue
			}
			return file, wrap(err)
		} else if err != nil {
			return nil, wrap(err)
		}
		if err := checkFile(filepath.Join(f.Name(), base), named); err != nil { // before opening what may be a device
			return nil, err
		}
		file, err := f.OpenFile(base, flag&^os.O_CREATE|openFlags, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, wrap(err)
		}
		same, err := isPrivate(file, named)
		if same && err == nil {
			return file, nil
		}
		_ = file.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: %s is not the same file twice", ErrInsecure, filepath.Join(f.Name(), base))
}

// isPrivate reports whether an open file is the one that had the name, and
// fails if that is not ours alone.
func isPrivate(file *os.File, named fs.FileInfo) (bool, error) {
	info, err := file.Stat()
	if err != nil {
		return false, wrap(err)
	}
	if !os.SameFile(info, named) {
		return false, nil
	}
	return true, checkFile(file.Name(), info)
}

// read returns the content of a file that is private to us.
func (f folder) read(base string) ([]byte, error) {
	data, _, err := f.readInfo(base)
	return data, err
}

// readInfo returns the content with what the system says about the file.
func (f folder) readInfo(base string) ([]byte, fs.FileInfo, error) {
	file, err := f.openPrivate(base, os.O_RDONLY)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, wrap(err)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err != nil {
		return nil, nil, wrap(err)
	}
	if len(data) > maxSize {
		return nil, nil, fmt.Errorf("%w: %s has more than 1 MiB", ErrCorrupt, file.Name())
	}
	return data, info, nil
}

// refuseLink fails if a symbolic link has the name: what it points to would
// stay.
func (f folder) refuseLink(base string) error {
	info, err := f.Lstat(base)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("%w: %s is a symbolic link: remove it, or set the path to what it points to",
			ErrInsecure, filepath.Join(f.Name(), base))
	}
	return nil
}

// tempBase is where the new content of a file is written. There is one writer
// at a time, so what has this name was left by one that was killed.
func tempBase(base string) string { return "." + base + ".tmp" }

// replace puts data in the place of a file: the new content is there entirely
// and durably, or not at all. It tries again if somebody took its temporary
// file away, or put another in its place, which takes a second writer: one of
// those that came while somebody removed the lock.
func (f folder) replace(base string, data []byte) error {
	for try := 1; ; try++ {
		mine, err := f.write(tempBase(base), data)
		if err == nil {
			crashpoint.At("filestore.temp-written")
			err = f.Rename(tempBase(base), base)
		}
		var named fs.FileInfo
		if err == nil {
			named, err = f.Lstat(base)
		}
		if err == nil && sameContent(mine, named) {
			break
		}
		if try < 3 && (err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrExist)) {
			continue
		}
		_ = f.Remove(tempBase(base))
		if err == nil {
			err = fmt.Errorf("somebody else writes to %s at the same time", filepath.Join(f.Name(), base))
		}
		if errors.Is(err, syscall.EBUSY) {
			err = fmt.Errorf("%w: %w", ErrMounted, err)
		}
		return wrap(err)
	}
	crashpoint.At("filestore.renamed")
	if err := syncFolder(f.Root); err != nil {
		return wrap(err)
	}
	crashpoint.At("filestore.saved")
	return nil
}

// write makes a new file with data, over one that was left, and syncs it.
func (f folder) write(base string, data []byte) (fs.FileInfo, error) {
	if err := f.Remove(base); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	file, err := f.OpenFile(base, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	return f.Lstat(base)
}

func (f folder) remove(base string) error {
	if err := f.Remove(base); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrap(err)
	}
	return wrap(syncFolder(f.Root))
}

// sweep removes the temporary file that a killed process has left.
func (f folder) sweep(base string) error {
	if err := f.Remove(tempBase(base)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return wrap(err)
	}
	return nil
}

// makeFolder makes dir and what is missing above it, for us alone, durably.
func makeFolder(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		if info, statErr := os.Stat(dir); statErr == nil && info.IsDir() {
			return nil
		}
		return err
	}
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer func() { _ = parent.Close() }()
	return syncFolder(parent)
}

// wrap marks an error of the file system, which names the path.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("filestore: %w", err)
}
