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
)

// git returns what a git command prints.
func (r *repository) git(ctx context.Context, args ...string) (string, error) {
	var out, trouble bytes.Buffer
	c := exec.CommandContext(ctx, "git", append([]string{"-C", r.root}, args...)...) //nolint:gosec // our own arguments
	c.Stdout, c.Stderr = &out, &trouble
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(trouble.Bytes()))
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// check says everything that keeps the tree from being released.
func (r *repository) check(ctx context.Context, out io.Writer) error {
	version, err := r.version()
	if err != nil {
		return err
	}
	all := []error{r.requires(version), r.changelog(version)}
	if !released(version) {
		all = append(all, fmt.Errorf("%s is no version to release: release set VERSION", version))
	}
	if changes, err := r.git(ctx, "status", "--porcelain"); err != nil {
		all = append(all, err)
	} else if changes != "" {
		all = append(all, fmt.Errorf("the tree has changes that are not committed:\n%s", changes))
	}
	for _, m := range r.modules {
		if !m.public() {
			continue
		}
		tag := m.tag(version)
		if there, err := r.git(ctx, "tag", "--list", tag); err != nil {
			all = append(all, err)
		} else if there != "" {
			all = append(all, fmt.Errorf("the tag %s is there already", tag))
		}
	}
	if err := errors.Join(all...); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s can be released\n", version)
	return nil
}

// changelog says whether CHANGELOG.md has a section for the version.
func (r *repository) changelog(version string) error {
	text, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		heading, is := strings.CutPrefix(line, "## ")
		if is && strings.HasPrefix(strings.Trim(heading, "[]v \n"), strings.TrimPrefix(version, "v")) {
			return nil
		}
	}
	return fmt.Errorf("CHANGELOG.md has no section for %s", version)
}

// tags prints the commands that tag the released modules, each after those that
// it requires.
func (r *repository) tags(version string, out io.Writer) error {
	var all []string
	for _, m := range r.modules {
		if m.public() {
			tag := m.tag(version)
			all = append(all, tag)
			if _, err := fmt.Fprintf(out, "git tag -s -m '%s %s' %s\n", m.path, version, tag); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(out, "git push --atomic origin %s\n", strings.Join(all, " "))
	return err
}
