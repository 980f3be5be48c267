package main

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
)

// step is what is run for one module.
type step struct {
	name     string
	dir      string
	commands []command
	beside   bool // it may run beside others that may
}

// command is a program with its arguments, and additions to its environment.
type command struct {
	args  []string
	env   []string
	tests bool // it is go test -json
}

const (
	setUp     = "set-up"
	endToEnd  = "e2e"
	partUnit  = "unit"
	partOther = "modules"
)

// plan returns the steps of the parts; none means all.
func plan(root string, parts []string) ([]step, error) {
	all := []string{partUnit, partOther, endToEnd}
	for _, p := range parts {
		if !slices.Contains(all, p) {
			return nil, fmt.Errorf("there is no part %q, only %v", p, all)
		}
	}
	if len(parts) == 0 {
		parts = all
	}
	modules, err := nestedModules(root)
	if err != nil {
		return nil, err
	}
	var steps []step
	if slices.Contains(parts, partOther) || slices.Contains(parts, endToEnd) {
		steps = append(steps, step{name: setUp, dir: root, commands: []command{{args: []string{"e2e/setup.sh"}}}})
	}
	if slices.Contains(parts, partUnit) {
		steps = append(steps, step{name: "the root module", dir: root, commands: []command{
			vet("./..."),
			vet("./oauth2grant/...", "./callbackserver/...").on("windows"),
			vet("./oauth2grant/...", "./callbackserver/...").on("darwin"),
			goTest(),
		}})
	}
	if slices.Contains(parts, partOther) {
		for _, m := range modules {
			if m != endToEnd {
				steps = append(steps, step{m, filepath.Join(root, m), []command{vet("./..."), goTest()}, true})
			}
		}
	}
	if slices.Contains(parts, endToEnd) {
		// They wait for leases and other processes, more than they compute.
		atOnce := fmt.Sprintf("-parallel=%d", max(4, runtime.GOMAXPROCS(0)))
		steps = append(steps, step{
			name: endToEnd, dir: filepath.Join(root, endToEnd), commands: []command{vet("./..."), goTest(atOnce)},
		})
	}
	return steps, nil
}

// nestedModules returns the folders below root that have a go.mod, sorted.
func nestedModules(root string) (modules []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return fs.SkipDir
		case d.Name() == "go.mod" && filepath.Dir(path) != filepath.Clean(root):
			module, err := filepath.Rel(root, filepath.Dir(path))
			modules = append(modules, filepath.ToSlash(module))
			return err
		}
		return nil
	})
	slices.Sort(modules)
	return modules, err
}

func vet(packages ...string) command {
	return command{args: append([]string{"go", "vet"}, packages...)}
}

// on returns the command for another operating system.
func (c command) on(goos string) command {
	c.env = append(c.env, "GOOS="+goos)
	return c
}

// goTest runs the tests of a module. They have limits of their own, on what
// makes no progress; that of three hours is for what these do not see.
func goTest(flags ...string) command {
	args := append([]string{"go", "test", "-race", "-count=1", "-json", "-timeout=3h"}, flags...)
	return command{args: append(args, "./..."), tests: true}
}
