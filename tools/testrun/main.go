// Command testrun runs the tests of every module of this repository, one after
// another, whatever fails on the way. It says where it is, is never silent for
// longer than a minute, and ends with what go test said of each package, the
// failures last.
//
//	testrun [unit] [modules] [e2e]
//
// Without arguments it runs all three. unit needs nothing but Go; modules and
// e2e begin with e2e/setup.sh, which installs the servers that they talk to.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, "..", os.Args[1:]) // go -C tools run
	stop()
	os.Exit(code)
}

// atOnce is how many steps run beside each other: what the tests of a store do
// is mostly to wait.
const atOnce = 3

// run tests the modules below root and returns the exit code.
func run(ctx context.Context, root string, parts []string) int {
	steps, err := plan(root, parts)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		return 2
	}
	if runSteps(ctx, newConsole(os.Stdout), steps) {
		return 0
	}
	return 1
}

// runSteps runs every step and reports whether all passed.
func runSteps(ctx context.Context, out *console, steps []step) bool {
	begin := time.Now()
	introduce(out, steps)
	var results []*result
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, s := range steps {
		if !s.beside {
			_ = group.Wait()
		}
		if ctx.Err() != nil {
			break
		}
		what := fmt.Sprintf("step %d of %d: %s", i+1, len(steps), s.name)
		r := &result{step: s}
		results = append(results, r)
		group.Go(func() error {
			out.printf("\n%s\n", what)
			defer out.keepAwake(what, r.status)()
			r.run(ctx, out)
			return nil
		})
		if !s.beside {
			_ = group.Wait()
		}
	}
	_ = group.Wait()
	return conclude(out, results, len(steps), time.Since(begin))
}

// introduce says what is going to happen.
func introduce(out *console, steps []step) {
	var names []string
	for _, s := range steps {
		names = append(names, s.name)
	}
	out.printf("%d steps: %s\n", len(steps), strings.Join(names, ", "))
	if len(steps) > 0 && steps[0].name == setUp {
		out.printf(`Step 1 installs what is missing of the servers that the tests talk to: Node with
oidc-provider, Redis, PostgreSQL, etcd, RabbitMQ, Chromium and GNOME Keyring, up
to 760 MB in about four minutes. make unit needs none of them. All of it takes about fifteen
minutes on two idle cores, once everything is there.
`)
	}
}

// conclude sums up and reports whether everything was run and passed. What go
// test said of each package comes again, the failures last.
func conclude(out *console, results []*result, steps int, took time.Duration) bool {
	failed := 0
	for _, r := range results {
		if !r.passed() {
			failed++
		}
	}
	took = took.Round(time.Second)
	switch {
	case len(results) < steps:
		out.printf("\nstopped after %v in step %d of %d; %d failed\n", took, len(results), steps, failed)
	case failed > 0:
		out.printf("\n%d of %d steps failed, in %v\n", failed, steps, took)
	default:
		out.printf("\nall %d steps passed, in %v\n", steps, took)
	}
	for _, r := range results {
		for _, line := range r.tests.passed {
			out.printf("%s\n", line)
		}
	}
	for _, r := range results {
		for _, line := range r.failures() {
			out.printf("%s\n", line)
		}
	}
	return failed == 0 && len(results) == steps
}
