package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/semver"
)

// compare prints how the API of each released module differs from that of its
// last tag. What a dependent's build would break on is an error, unless the
// next version may break it: a new minor version of v0.
func (r *repository) compare(ctx context.Context, out io.Writer) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	temp, err := os.MkdirTemp("", "release-api-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	var all []error
	for i, m := range r.modules {
		if !m.public() {
			continue
		}
		last, err := r.lastTag(ctx, m)
		switch {
		case err != nil:
			return err
		case last == "":
			fmt.Fprintf(out, "%s: no release to compare with\n", m.path)
			continue
		}
		changes, err := r.changes(ctx, m, last, filepath.Join(temp, fmt.Sprint(i)))
		if err != nil {
			return fmt.Errorf("%s: %w", m.path, err)
		}
		fmt.Fprintf(out, "%s since %s:\n%s", m.path, last, changes)
		if strings.Contains(changes, "Incompatible changes:") &&
			!mayBreak(last[strings.LastIndex(last, "/")+1:], version) {
			all = append(all, fmt.Errorf("%s breaks what was built with %s, and %s may not", m.path, last, version))
		}
	}
	return errors.Join(all...)
}

// mayBreak reports whether dependents of the last version must read the
// changelog before they take the next one.
func mayBreak(last, next string) bool {
	return semver.Major(next) == "v0" && semver.MajorMinor(last) != semver.MajorMinor(next)
}

// lastTag returns the tag of the newest version of a module, or "".
func (r *repository) lastTag(ctx context.Context, m mod) (string, error) {
	listed, err := r.git(ctx, "tag", "--merged", "HEAD", "--list", m.tag("v*"))
	if err != nil {
		return "", err
	}
	last := ""
	for tag := range strings.FieldsSeq(listed) {
		version := strings.TrimPrefix(tag, m.tag(""))
		if semver.IsValid(version) && (last == "" || semver.Compare(version, last) > 0) {
			last = version
		}
	}
	if last == "" {
		return "", nil
	}
	return m.tag(last), nil
}

// changes returns what apidiff says of a module as it is and as it was.
func (r *repository) changes(ctx context.Context, m mod, tag, temp string) (string, error) {
	then, err := filepath.Abs(temp + "-tree")
	if err != nil {
		return "", err
	}
	if _, err := r.git(ctx, "worktree", "add", "--detach", then, tag); err != nil {
		return "", err
	}
	defer func() {
		_, _ = r.git(context.WithoutCancel(ctx), "worktree", "remove", "--force", then)
	}()
	before, after := temp+"-before", temp+"-after"
	if _, err := r.apidiff(ctx, then, m, "-w", before, m.path); err != nil {
		return "", err
	}
	if _, err := r.apidiff(ctx, r.root, m, "-w", after, m.path); err != nil {
		return "", err
	}
	return r.apidiff(ctx, r.root, m, before, after)
}

// apidiff runs apidiff on whole modules, in the folder of m below root.
func (r *repository) apidiff(ctx context.Context, root string, m mod, args ...string) (string, error) {
	tools, err := filepath.Abs(filepath.Join(r.root, "tools", "go.mod"))
	if err != nil {
		return "", err
	}
	var out, trouble bytes.Buffer
	args = append([]string{"tool", "-modfile=" + tools, "apidiff", "-m"}, args...)
	c := exec.CommandContext(ctx, "go", args...) //nolint:gosec // ours
	c.Dir = filepath.Join(root, filepath.FromSlash(m.dir))
	c.Stdout, c.Stderr = &out, &trouble
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("apidiff: %w: %s", err, bytes.TrimSpace(trouble.Bytes()))
	}
	return out.String(), nil
}
