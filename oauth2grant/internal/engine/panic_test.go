package engine

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const crashing = "OAUTH2GRANT_TEST_CRASH"

// crash never returns, unless a panic is swallowed.
func crash() {
	e := New(context.Background(), Config[int]{
		Renew: func(*Flight[int]) (*Snapshot[int], error) { return flowThatPanics() },
		Judge: verdict, Changed: func(context.Context) bool { return false }, Failed: func(context.Context, Failure) {},
		Now: time.Now, MinBackOff: minWait, MaxBackOff: maxWait, Passive: true,
	})
	_, _ = e.Get(context.Background())
	e.Close()
}

//go:noinline
func flowThatPanics() (*Snapshot[int], error) { panic("a bug in the flow") }

func TestPanic_CrashesTheProgramWithItsOwnStack(t *testing.T) {
	for range 10 { // whoever wins the race between crash and exit
		child := exec.CommandContext(t.Context(), os.Args[0])
		child.Env = append(os.Environ(), crashing+"=1")
		output, err := child.CombinedOutput()
		if err == nil || child.ProcessState.ExitCode() != 2 {
			t.Fatalf("the program went on: %v\n%s", err, output)
		}
		for _, want := range []string{"a bug in the flow", "flowThatPanics"} {
			if !strings.Contains(string(output), want) {
				t.Fatalf("the crash does not name %q:\n%s", want, output)
			}
		}
	}
}
