package docs

import (
	"bytes"
	"errors"
	"go/ast"
	"go/format"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestBlocks compiles every Go block of the pages, and runs those that say what
// they print, and those that are tests.
func TestBlocks(t *testing.T) {
	set := token.NewFileSet()
	packages := compiled(t, set)
	for _, b := range blocks(t) {
		t.Run(b.String(), func(t *testing.T) {
			file, err := b.parse(set)
			if err != nil {
				t.Fatal(err)
			}
			used := check(t, set, packages, file)
			switch {
			case t.Failed():
			case b.tests():
				runTest(t, program(t, set, file, used))
			case b.prints():
				runProgram(t, b, program(t, set, file, used))
			}
		})
	}
}

// compiled returns an importer of the packages that blocks may name, as the go
// command compiles them.
func compiled(t *testing.T, set *token.FileSet) types.Importer {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, imports...)
	list := exec.CommandContext(t.Context(), "go", args...)
	var problems bytes.Buffer
	list.Stderr = &problems
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &problems)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) {
		file, ok := files[path]
		if !ok {
			return nil, errors.New("the pages may not import it: add it to the list of imports")
		}
		return os.Open(file)
	})
}

// check type-checks a block, and returns the packages that it uses. What is
// declared and not used is fine in a block.
func check(t *testing.T, set *token.FileSet, packages types.Importer, file *ast.File) map[string]bool {
	t.Helper()
	cfg := types.Config{Importer: packages, Error: func(err error) {
		if e, ok := errors.AsType[types.Error](err); !ok || !e.Soft {
			t.Error(err)
		}
	}}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	_, _ = cfg.Check("main", set, []*ast.File{file}, &info) // Error has seen them
	used := map[string]bool{}
	for _, object := range info.Uses {
		if name, ok := object.(*types.PkgName); ok {
			used[name.Imported().Path()] = true
		}
	}
	return used
}

// program returns the text of a block as a file that compiles, with the imports
// that it uses.
func program(t *testing.T, set *token.FileSet, file *ast.File, used map[string]bool) string {
	t.Helper()
	file.Comments = nil // which have //line, and what is printed
	for _, d := range file.Decls {
		d, ok := d.(*ast.GenDecl)
		if !ok || d.Tok != token.IMPORT {
			continue
		}
		var kept []ast.Spec
		for _, s := range d.Specs {
			if path, err := strconv.Unquote(s.(*ast.ImportSpec).Path.Value); err == nil && used[path] {
				kept = append(kept, s)
			}
		}
		d.Specs = kept
	}
	var text bytes.Buffer
	if err := format.Node(&text, set, file); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func runTest(t *testing.T, text string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "block_test.go")
	if out, err := run(t, name, text, "test", name); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

func runProgram(t *testing.T, b block, text string) {
	t.Helper()
	if !strings.Contains(text, "func main()") {
		text += "\nfunc main() {\n\tctx = context.Background()\n\tif err := run(); err != nil " +
			"{\n\t\tpanic(err)\n\t}\n}\n"
	}
	name := filepath.Join(t.TempDir(), "main.go")
	out, err := run(t, name, text, "run", name)
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	_, comment, _ := strings.Cut(b.text, "// Output:")
	var want []string
	for line := range strings.Lines(comment) {
		if words, ok := strings.CutPrefix(strings.TrimSpace(line), "//"); ok {
			want = append(want, strings.TrimSpace(words))
		} else if len(want) == 0 && strings.TrimSpace(line) != "" {
			want = append(want, strings.TrimSpace(line))
		}
	}
	if got := strings.TrimSpace(out); got != strings.Join(want, "\n") {
		t.Errorf("it printed:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

// run writes a program and hands it to the go command, in this module.
func run(t *testing.T, name, text string, args ...string) (string, error) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput()
	return string(out), err
}
