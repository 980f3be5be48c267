// Package workers runs the binary of a test once more, as another process.
package workers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

const env = "E2E_WORKER" // has the spec of a worker

// Start starts a worker, which gets spec as JSON. It ends when its input does;
// what it says of an error stands among the test's.
func Start(tb testing.TB, spec any) (cmd *exec.Cmd, in io.WriteCloser, out io.ReadCloser) {
	tb.Helper()
	binary, err := os.Executable()
	must(tb, err)
	text, err := json.Marshal(spec)
	must(tb, err)
	cmd = exec.CommandContext(context.WithoutCancel(tb.Context()), binary) // it ends with its input
	cmd.Env = append(os.Environ(), env+"="+string(text), "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	in, err = cmd.StdinPipe()
	must(tb, err)
	out, err = cmd.StdoutPipe()
	must(tb, err)
	must(tb, cmd.Start())
	return cmd, in, out
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Be does a worker's work and ends the process, in one that [Start] has
// started. Elsewhere it returns at once: TestMain begins with it.
func Be[S any](work func(spec S, in io.Reader, out io.Writer) error) {
	text, ok := os.LookupEnv(env)
	if !ok {
		return
	}
	var spec S
	err := json.Unmarshal([]byte(text), &spec)
	if err == nil {
		err = work(spec, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
