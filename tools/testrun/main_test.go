package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// module writes a module with files, name and content in turn, and returns the
// step that tests it.
func module(t *testing.T, name string, files ...string) step {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	must(t, os.Mkdir(dir, 0o700))
	files = append(files, "go.mod", "module example.test/"+name+"\n\ngo 1.26.0\n")
	for i := 0; i < len(files); i += 2 {
		must(t, os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o600))
	}
	test := goTest()
	test.args = slices.DeleteFunc(test.args, func(arg string) bool { return arg == "-race" }) // compiles for long
	return step{name: name, dir: dir, commands: []command{vet("./..."), test}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	good = `package p
import "testing"
func TestGood(t *testing.T) { t.Log("nobody reads this") }
`
	bad = `package p
import "testing"
func TestGood(t *testing.T) {}
func TestBad(t *testing.T) {
	t.Run("one", func(*testing.T) {})
	t.Run("two", func(t *testing.T) { t.Error("the reason") })
}
`
	dead = `package p
import "testing"
func TestDead(t *testing.T) { t.Log("the last words"); panic("the end") }
func TestNever(t *testing.T) {}
`
	unfit = `package p
func f() int { return "text" }
`
)

func runAll(t *testing.T, steps ...step) (passed bool, lines []string) {
	t.Helper()
	var text bytes.Buffer
	passed = runSteps(t.Context(), newConsole(&text), steps)
	t.Log(text.String())
	return passed, strings.Split(strings.TrimRight(text.String(), "\n"), "\n")
}

func TestRunSteps_EndsWithWhatGoTestSaid(t *testing.T) {
	passed, lines := runAll(t, module(t, "one", "p_test.go", good), module(t, "two", "p_test.go", good))
	if !passed {
		t.Error("it failed")
	}
	for _, line := range lines[len(lines)-2:] {
		if !strings.HasPrefix(line, "ok  \texample.test/") {
			t.Errorf("it ends with %q", line)
		}
	}
	if slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "nobody reads") }) {
		t.Error("it shows the log of a test that passed")
	}
}

func TestRunSteps_GoesOnAfterAFailureAndListsFailuresLast(t *testing.T) {
	passed, lines := runAll(t,
		module(t, "bad", "p_test.go", bad), module(t, "dead", "p_test.go", dead),
		module(t, "unfit", "p.go", unfit, "p_test.go", good), module(t, "good", "p_test.go", good))
	if passed {
		t.Error("it passed")
	}
	text := strings.Join(lines, "\n")
	body, summary, _ := strings.Cut(text, "\n3 of 4 steps failed")
	for _, want := range []string{
		"step 1 of 4: bad", "step 4 of 4: good", "the reason", "the last words", "panic: the end", `cannot use "text"`,
		"ok  \texample.test/good",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	want := []string{
		`ok  \texample\.test/good\t.*`,
		`FAIL\tbad: go test .*: exit status 1`, `--- FAIL: TestBad/two \(.*\)`, `--- FAIL: TestBad \(.*\)`,
		`FAIL\texample\.test/bad\t.*`, `FAIL\tdead: go test .*: exit status 1`, `--- FAIL: TestDead \(.*\)`,
		`FAIL\texample\.test/dead\t.*`, `FAIL\tunfit: go vet .*: exit status 1`,
		`FAIL\tunfit: go test .*: exit status 1`, `FAIL\texample\.test/unfit \[build failed\]`,
	}
	got := strings.Split(summary, "\n")[1:]
	if len(got) != len(want) {
		t.Fatalf("the summary has %d lines, want %d", len(got), len(want))
	}
	for i, line := range got {
		if !regexp.MustCompile("^" + want[i] + "$").MatchString(line) {
			t.Errorf("line %d of the summary is %q, want %s", i+1, line, want[i])
		}
	}
}

func TestConsole_IsNeverSilentForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &gaps{t: t, last: time.Now()}
		c := newConsole(w)
		stop := c.keepAwake("step 1 of 1", func() string { return "TestSlow" })
		time.Sleep(10 * time.Minute)
		c.printf("the test says something\n")
		time.Sleep(10 * time.Minute)
		stop()
		if w.lines < 20 {
			t.Errorf("%d lines in 20 minutes", w.lines)
		}
	})
}

// gaps fails its test when a minute passes between two lines.
type gaps struct {
	t     *testing.T
	last  time.Time
	lines int
}

func (g *gaps) Write(b []byte) (int, error) {
	if gap := time.Since(g.last); gap > time.Minute {
		g.t.Errorf("silent for %v before %q", gap, b)
	}
	g.last = time.Now()
	g.lines++
	return len(b), nil
}

func TestTests_StatusNamesWhatRunsLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var (
			follow tests
			none   = newConsole(&bytes.Buffer{})
		)
		if got := follow.status(); !strings.HasPrefix(got, "compiling") {
			t.Errorf("before the first test: %q", got)
		}
		for _, e := range []event{
			{Action: "start"},
			{Action: "run", Test: "TestDone"},
			{Action: "pass", Test: "TestDone"},
			{Action: "run", Test: "TestParallel"},
			{Action: "pause", Test: "TestParallel"},
			{Action: "run", Test: "TestSlow"},
			{Action: "run", Test: "TestSlow/part"},
		} {
			e.Package = "p"
			follow.take(e, none)
		}
		time.Sleep(90 * time.Second)
		if got, want := follow.status(), "TestSlow/part for 1m30s, 1 tests have passed"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		follow.take(event{Action: "cont", Package: "p", Test: "TestParallel"}, none)
		if got, want := follow.status(), "TestParallel for 0s and 1 more, 1 tests have passed"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestPlan(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{".", "contrib/one", "e2e", "tools", "e2e/node_modules/alien"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o700))
		must(t, os.WriteFile(filepath.Join(root, dir, "go.mod"), nil, 0o600))
	}
	for parts, want := range map[string]string{
		"":        "[set-up the root module contrib/one tools e2e]",
		"unit":    "[the root module]",
		"modules": "[set-up contrib/one tools]",
		"e2e":     "[set-up e2e]",
	} {
		steps, err := plan(root, strings.Fields(parts))
		must(t, err)
		var names []string
		for _, s := range steps {
			names = append(names, s.name)
		}
		if got := fmt.Sprint(names); got != want {
			t.Errorf("%q: got %s, want %s", parts, got, want)
		}
	}
	if _, err := plan(root, []string{"everything"}); err == nil {
		t.Error("an unknown part is no error")
	}
}

func TestRunSteps_RunsBesideEachOtherWhatMayBe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := exec.Command("mkfifo", pipe).Run(); err != nil {
		t.Fatal(err)
	}
	shell := func(name, script string) step { // each end of a pipe waits for the other
		return step{
			name: name, dir: t.TempDir(), commands: []command{{args: []string{"sh", "-c", script}}}, beside: true,
		}
	}
	passed, lines := runAll(t, shell("writes", "echo met > "+pipe), shell("reads", "cat "+pipe))
	if !passed || !slices.Contains(lines, "met") {
		t.Errorf("passed: %v\n%s", passed, strings.Join(lines, "\n"))
	}
}
