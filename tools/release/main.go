// Command release prepares the release of every module of this repository.
//
//	release set VERSION    requires VERSION of each other in every go.mod
//	release check          says what keeps the tree from being released
//	release tags VERSION   prints the commands that tag it, in order
//	release proxy DIR      writes DIR for GOPROXY=file://DIR, as the tree is
//	release api            compares the API of each module with its last tag
//
// The released modules are the root and those directly below contrib; all have
// the same version.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/mod/semver"
)

var errUsage = errors.New("usage: release set VERSION | check | tags VERSION | proxy DIR | api")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, "..", os.Args[1:], os.Stdout) // go -C tools run
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run does what args say with the repository at root.
func run(ctx context.Context, root string, args []string, out io.Writer) error {
	repo, err := open(root)
	if err != nil {
		return err
	}
	command, arg := "", ""
	switch len(args) {
	case 1:
		command = args[0]
	case 2:
		command, arg = args[0]+" ", args[1]
	}
	if (command == "set " || command == "tags ") && !released(arg) {
		return fmt.Errorf("%q is no version to release, which looks like v0.1.0", arg)
	}
	switch command {
	case "set ":
		return repo.set(arg)
	case "check":
		return repo.check(ctx, out)
	case "tags ":
		if err := repo.requires(arg); err != nil {
			return err
		}
		return repo.tags(arg, out)
	case "proxy ":
		return repo.proxy(ctx, arg)
	case "api":
		return repo.compare(ctx, out)
	default:
		return errUsage
	}
}

// released reports whether a version is complete, canonical and of a major
// version that the paths of the modules can have.
func released(version string) bool {
	major := semver.Major(version)
	return semver.Canonical(version) == version && version != "" && (major == "v0" || major == "v1")
}
