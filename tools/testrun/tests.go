package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// event is one line of go test -json: see go doc test2json and go help
// buildjson.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Output      string
	FailedBuild string
}

// tests follows the tests of a module. Its status may be asked for meanwhile.
type tests struct {
	passed, failed []string // lines of go test: of packages, and of failing tests and packages

	mu      sync.Mutex // guards what follows
	running []*running
	count   int // of tests that passed
}

// running is a test, or with an empty name a package, that has begun.
type running struct {
	pkg, name string
	since     time.Time
	paused    bool // it waits until other parallel tests have ended
	output    strings.Builder
}

// read prints what go test would have printed without -json: the output of
// tests that fail, and a line for each package.
func (t *tests) read(events io.Reader, out *console) error {
	for lines := json.NewDecoder(events); ; {
		var e event
		if err := lines.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the output of go test: %w", err)
		}
		t.take(e, out)
	}
}

func (t *tests) take(e event, out *console) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch e.Action {
	case "build-output":
		out.printf("%s", e.Output)
	case "start", "run":
		t.running = append(t.running, &running{pkg: e.Package, name: e.Test, since: time.Now()})
	case "pause", "cont":
		if r := t.find(e); r != nil {
			r.paused, r.since = e.Action == "pause", time.Now()
		}
	case "output":
		t.output(e, out)
	case "pass", "skip":
		if r := t.end(e); e.Test != "" && e.Action == "pass" && r != nil {
			t.count++
		}
	case "fail":
		if e.Test == "" {
			t.abandon(e.Package, out)
		}
		if r := t.end(e); r != nil {
			out.printf("%s", r.output.String())
		}
	}
}

// output keeps what a test says until it has failed. What a package says is
// printed at once; its last line is its result.
func (t *tests) output(e event, out *console) {
	line := strings.TrimRight(e.Output, "\n")
	if strings.HasPrefix(strings.TrimSpace(line), "--- FAIL: ") {
		t.failed = append(t.failed, strings.TrimSpace(line))
	}
	switch {
	case strings.HasPrefix(line, "=== "), e.Test == "" && (line == "PASS" || line == "FAIL"):
	case e.Test != "":
		if r := t.find(e); r != nil {
			r.output.WriteString(e.Output)
		}
	default:
		if strings.HasPrefix(line, "ok  \t") {
			t.passed = append(t.passed, line)
		}
		if strings.HasPrefix(line, "FAIL\t") {
			t.failed = append(t.failed, line)
		}
		out.printf("%s", e.Output)
	}
}

// abandon prints what tests have said that were running when their package
// ended, and counts them as failed.
func (t *tests) abandon(pkg string, out *console) {
	for _, r := range t.running {
		if r.pkg == pkg && r.name != "" {
			out.printf("%s", r.output.String())
			verdict := fmt.Sprintf("--- FAIL: %s (did not end)", r.name)
			if !slices.ContainsFunc(t.failed, func(line string) bool { return strings.HasPrefix(line, "--- FAIL: "+r.name+" ") }) {
				t.failed = append(t.failed, verdict)
			}
		}
	}
	t.running = slices.DeleteFunc(t.running, func(r *running) bool { return r.pkg == pkg && r.name != "" })
}

func (t *tests) find(e event) *running {
	i := slices.IndexFunc(t.running, func(r *running) bool { return r.pkg == e.Package && r.name == e.Test })
	if i < 0 {
		return nil
	}
	return t.running[i]
}

func (t *tests) end(e event) *running {
	r := t.find(e)
	t.running = slices.DeleteFunc(t.running, func(other *running) bool { return other == r })
	return r
}

// status names the test that has been running longest, of those that have no
// subtests running.
func (t *tests) status() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var leaves []*running
	for _, r := range t.running {
		parent := slices.ContainsFunc(t.running, func(other *running) bool {
			return other.pkg == r.pkg && other != r && (r.name == "" || strings.HasPrefix(other.name, r.name+"/"))
		})
		if !parent && !r.paused {
			leaves = append(leaves, r)
		}
	}
	if len(leaves) == 0 {
		return fmt.Sprintf("compiling, %d tests have passed", t.count)
	}
	first := leaves[0]
	name := first.name
	if name == "" {
		name = first.pkg
	}
	more := ""
	if len(leaves) > 1 {
		more = fmt.Sprintf(" and %d more", len(leaves)-1)
	}
	return fmt.Sprintf("%s for %v%s, %d tests have passed", name, time.Since(first.since).Round(time.Second), more, t.count)
}
