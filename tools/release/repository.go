package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// repository is a tree of modules.
type repository struct {
	root    string
	modules []mod // in the order in which they can be tagged: each after those that it requires
}

// mod is one module of the repository.
type mod struct {
	dir  string // below the root, with slashes; "." for the root itself
	path string
	file *modfile.File
}

// public reports whether the module is released.
func (m mod) public() bool { return m.dir == "." || path.Dir(m.dir) == "contrib" }

// tag returns the name of the tag that makes a version of the module.
func (m mod) tag(version string) string {
	if m.dir == "." {
		return version
	}
	return m.dir + "/" + version
}

// open reads every go.mod below root.
func open(root string) (*repository, error) {
	r := &repository{root: root}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == ".git"):
			return fs.SkipDir
		case d.Name() != "go.mod":
			return nil
		}
		m, err := read(root, file)
		r.modules = append(r.modules, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, r.sort()
}

func read(root, file string) (mod, error) {
	text, err := os.ReadFile(file) //nolint:gosec // a go.mod below root
	if err != nil {
		return mod{}, err
	}
	parsed, err := modfile.Parse(file, text, nil)
	if err != nil {
		return mod{}, err
	}
	dir, err := filepath.Rel(root, filepath.Dir(file))
	return mod{filepath.ToSlash(dir), parsed.Module.Mod.Path, parsed}, err
}

// sort puts each module behind those that it requires.
func (r *repository) sort() error {
	left := r.modules
	slices.SortFunc(left, func(a, b mod) int { return strings.Compare(a.path, b.path) })
	r.modules = nil
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(m mod) bool {
			return !slices.ContainsFunc(left, func(other mod) bool { return m.requires(other.path) != nil })
		})
		if i < 0 {
			return errors.New("the modules require each other in a circle")
		}
		r.modules = append(r.modules, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return nil
}

// requires returns the line of the go.mod that requires a module, or nil.
func (m mod) requires(path string) *modfile.Require {
	for _, line := range m.file.Require {
		if line.Mod.Path == path {
			return line
		}
	}
	return nil
}

// replaced reports whether work in this repository uses the tree for a module.
func (m mod) replaced(path string) bool {
	return slices.ContainsFunc(m.file.Replace, func(line *modfile.Replace) bool {
		return line.Old.Path == path && line.New.Version == ""
	})
}

// set has every module require a version of each other.
func (r *repository) set(version string) error {
	for _, m := range r.modules {
		for _, other := range r.modules {
			if m.requires(other.path) == nil {
				continue
			}
			if err := m.file.AddRequire(other.path, version); err != nil {
				return err
			}
		}
		text, err := m.file.Format()
		if err != nil {
			return err
		}
		file := filepath.Join(r.root, filepath.FromSlash(m.dir), "go.mod")
		if err := os.WriteFile(file, text, 0o644); err != nil { //nolint:gosec // as git keeps it
			return err
		}
	}
	return nil
}

// requires says where the modules do not require a version of each other, or
// one that is released would need one that is not.
func (r *repository) requires(version string) error {
	var all []error
	for _, m := range r.modules {
		for _, other := range r.modules {
			line := m.requires(other.path)
			switch {
			case line == nil:
				continue
			case line.Mod.Version != version:
				all = append(all,
					fmt.Errorf("%s/go.mod requires %s %s, not %s", m.dir, other.path, line.Mod.Version, version))
			case !m.replaced(other.path):
				all = append(all, fmt.Errorf("%s/go.mod does not replace %s by the tree", m.dir, other.path))
			}
			if m.public() && !other.public() {
				all = append(all, fmt.Errorf("%s is released, but requires %s, which is not", m.dir, other.path))
			}
		}
	}
	return errors.Join(all...)
}

// version returns the version that the modules require of the root.
func (r *repository) version() (string, error) {
	for _, m := range r.modules {
		if line := m.requires(r.modules[0].path); line != nil {
			return line.Mod.Version, nil
		}
	}
	return "", errors.New("no module requires the root")
}
