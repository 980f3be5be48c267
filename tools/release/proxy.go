package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// proxy writes the released modules of the tree to dir, by the protocol of
// module proxies: every file that git tracks or would add.
func (r *repository) proxy(ctx context.Context, dir string) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	listed, err := r.git(ctx, "ls-files", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	files := strings.Split(listed, "\n")
	for _, m := range r.modules {
		if m.public() {
			if err := r.pack(m, version, files, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// pack writes the files of one version of one module.
func (r *repository) pack(m mod, version string, files []string, dir string) error {
	escaped, err := module.EscapePath(m.path)
	if err != nil {
		return err
	}
	at := filepath.Join(dir, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(at, 0o750); err != nil { //nolint:gosec // below the folder that was asked for
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	text, err := m.file.Format()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"list": []byte(version + "\n"), version + ".info": info, version + ".mod": text} {
		if err := os.WriteFile(filepath.Join(at, name), content, 0o600); err != nil { //nolint:gosec // the same
			return err
		}
	}
	archive, err := os.Create(filepath.Join(at, version+".zip")) //nolint:gosec // below dir
	if err != nil {
		return err
	}
	err = zip.Create(archive, module.Version{Path: m.path, Version: version}, r.contents(m, files))
	return errors.Join(err, archive.Close())
}

// contents returns the files of a module: zip leaves out those of the modules
// within. One without a licence of its own has that of the root.
func (r *repository) contents(m mod, files []string) []zip.File {
	var all []zip.File
	for _, name := range files {
		inside, is := name, true
		if m.dir != "." {
			inside, is = strings.CutPrefix(name, m.dir+"/")
		}
		if is {
			all = append(all, file{inside, filepath.Join(r.root, filepath.FromSlash(name))})
		}
	}
	const licence = "LICENSE"
	if !slices.ContainsFunc(all, func(f zip.File) bool { return f.Path() == licence }) {
		all = append(all, file{licence, filepath.Join(r.root, licence)})
	}
	return all
}

// file is a [zip.File] on disk.
type file struct{ path, name string }

func (f file) Path() string                 { return f.path }
func (f file) Lstat() (fs.FileInfo, error)  { return os.Lstat(f.name) }
func (f file) Open() (io.ReadCloser, error) { return os.Open(f.name) }
