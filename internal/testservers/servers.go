// Package testservers starts the real servers that tests talk to, each on
// 127.0.0.1 with data of its own, and ends them with the test. What is not
// installed skips the test and says what to run; with CI=true it fails it.
//
// The methods that take part in a test (Start, Stop, Kill) fail it themselves
// and are for one goroutine at a time.
package testservers

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

// Missing ends the test: what is not installed, part is the argument of
// setup.sh that installs it.
func Missing(tb testing.TB, what, part string) {
	tb.Helper()
	const sentence = "%s is not installed: run e2e/setup.sh %s"
	if os.Getenv("CI") == "true" {
		tb.Fatalf(sentence, what, part)
	}
	tb.Skipf(sentence, what, part)
}

// Command is the path of an installed program.
func Command(tb testing.TB, name, part string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(tb, name, part)
	}
	return path
}

// FreePort looks below the ports that outgoing connections take (32768 on
// Linux): a server must find its own again after a stop.
func FreePort(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		if port := 20000 + rand.IntN(12000); isFree(tb, port) {
			return strconv.Itoa(port)
		}
	}
	tb.Fatal("no free port between 20000 and 32000")
	return ""
}

func isFree(tb testing.TB, port int) bool {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		_ = l.Close()
	}
	return err == nil
}
