package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes a repository of a root, two modules below contrib, of which a
// requires b, and one that is not released.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":           "module example.com/r\n\ngo 1.26.0\n",
		"r.go":             "package r\n\n// F is for all.\nfunc F() {}\n",
		"LICENSE":          "free\n",
		"CHANGELOG.md":     "# Changelog\n\n## [0.1.0]\n",
		"contrib/a/go.mod": nested("contrib/a", "example.com/r ../..", "example.com/r/contrib/b ../b"),
		"contrib/a/a.go":   "package a\n",
		"contrib/b/go.mod": nested("contrib/b", "example.com/r ../.."),
		"contrib/b/b.go":   "package b\n",
		"e2e/go.mod":       nested("e2e", "example.com/r .."),
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	git(t, root, "init", "-q")
	commit(t, root)
	return root
}

func nested(dir string, requires ...string) string {
	text := "module example.com/r/" + dir + "\n\ngo 1.26.0\n"
	for _, r := range requires {
		path, at, _ := strings.Cut(r, " ")
		text += "\nrequire " + path + " v0.0.0\n\nreplace " + path + " => " + at + "\n"
	}
	return text
}

func git(t *testing.T, root string, args ...string) {
	t.Helper()
	identity := []string{
		"-C", root, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false",
	}
	if out, err := exec.CommandContext(t.Context(), "git", append(identity, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func commit(t *testing.T, root string) {
	t.Helper()
	git(t, root, "add", ".")
	git(t, root, "commit", "-qm", "tree")
}

// do runs the command and returns what it printed.
func do(t *testing.T, root string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), root, args, &out)
	return out.String(), err
}

// wants fails the test unless err says every one of the texts.
func wants(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q is not in: %v", text, err)
		}
	}
}

func TestRun_RefusesWhatItDoesNotKnow(t *testing.T) {
	root := tree(t)
	for _, args := range [][]string{{}, {"chekc"}, {"check", "v0.1.0"}, {"tags"}, {"set", "v0.1.0", "v0.2.0"}} {
		if err := run(context.Background(), root, args, nil); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	for _, version := range []string{"0.1.0", "v0.1", "v2.0.0", "v0.1.0+dirty", "latest"} {
		_, err := do(t, root, "set", version)
		wants(t, err, version)
	}
}

func TestRelease_SetCheckAndTags(t *testing.T) {
	root := tree(t)
	_, err := do(t, root, "tags", "v0.1.0")
	wants(t, err, "contrib/a/go.mod requires example.com/r v0.0.0, not v0.1.0", "e2e/go.mod")

	if _, err := do(t, root, "set", "v0.1.0"); err != nil {
		t.Fatal(err)
	}
	_, err = do(t, root, "check")
	wants(t, err, "not committed", "contrib/a/go.mod")
	commit(t, root)
	if out, err := do(t, root, "check"); err != nil || out != "v0.1.0 can be released\n" {
		t.Fatalf("%v %q", err, out)
	}
	out, err := do(t, root, "tags", "v0.1.0")
	if err != nil {
		t.Fatal(err)
	}
	if want := "push --atomic origin v0.1.0 contrib/b/v0.1.0 contrib/a/v0.1.0\n"; !strings.HasSuffix(out, want) {
		t.Errorf("got %s\nwant at its end %s", out, want)
	}

	git(t, root, "tag", "contrib/b/v0.1.0")
	_, err = do(t, root, "check")
	wants(t, err, "contrib/b/v0.1.0 is there already")
	if _, err := do(t, root, "set", "v0.2.0"); err != nil {
		t.Fatal(err)
	}
	commit(t, root)
	_, err = do(t, root, "check")
	wants(t, err, "no section for v0.2.0")
}

func TestAPI_ABreakNeedsItsVersion(t *testing.T) {
	root := tree(t)
	tools, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(tools, filepath.Join(root, "tools")); err != nil {
		t.Fatal(err)
	}
	git(t, root, "tag", "v0.1.0")
	err = os.WriteFile(filepath.Join(root, "r.go"), []byte("package r\n\n// G is for all.\nfunc G() {}\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	for version, breaks := range map[string]bool{"v0.1.1": true, "v0.2.0": false} {
		if _, err := do(t, root, "set", version); err != nil {
			t.Fatal(err)
		}
		out, err := do(t, root, "api")
		if (err != nil) != breaks {
			t.Errorf("%s: %v", version, err)
		}
		if !strings.Contains(out, "F: removed") || !strings.Contains(out, "G: added") {
			t.Errorf("%s: %s", version, out)
		}
	}
}
