// Dialect checks that the comments of the Go files under a folder are written
// as CONTRIBUTING asks: at most 80 columns wide, in the words of the standard
// library. It prints each line that is not, with what to write instead, and
// then exits with status 1.
//
//	dialect [folder]
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	found, err := tree(root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "dialect:", err)
		os.Exit(2)
	}
	for _, line := range found {
		fmt.Println(line)
	}
	if len(found) > 0 {
		fmt.Fprintf(os.Stderr, "dialect: %d lines to rewrite\n", len(found))
		os.Exit(1)
	}
}

// notOurs names folders without source text of the project.
var notOurs = []string{"node_modules", "testdata", "vendor"}

// tree returns a line for each finding in the Go files under root, sorted by
// file and line, with names relative to root.
func tree(root string) ([]string, error) {
	var found []string
	//nolint:gosec // the folder is the one that the caller named
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || slices.Contains(notOurs, name)) {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		src, err := os.ReadFile(path) //nolint:gosec // a file of the tree that the caller named
		if err != nil {
			return err
		}
		shown, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, f := range check(src) {
			found = append(found, fmt.Sprintf("%s:%d: %s", shown, f.line, f.advice))
		}
		return nil
	})
	return found, err
}
