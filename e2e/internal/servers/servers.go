// Package servers starts the real servers that the end-to-end tests talk to, each on 127.0.0.1 with data of its own, and ends
// them with the test. What is not installed skips the test and says what to run; with CI=true it fails it.
//
// The methods that take part in a test (Start, Stop, Kill, Restart) fail it themselves and are for one goroutine at a time,
// the test's own.
package servers

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
)

// StartFosite starts the authorization server that runs in this process.
func StartFosite(tb testing.TB, cfg authserver.Config) *authserver.Server {
	tb.Helper()
	s, err := authserver.Start(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// missing ends the test: what is not installed, part is the argument of setup.sh that installs it.
func missing(tb testing.TB, what, part string) {
	tb.Helper()
	const sentence = "%s is not installed: run e2e/setup.sh %s"
	if os.Getenv("CI") == "true" {
		tb.Fatalf(sentence, what, part)
	}
	tb.Skipf(sentence, what, part)
}

// command is the path of an installed program.
func command(tb testing.TB, name, part string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(tb, name, part)
	}
	return path
}

// freePort looks below the ports that outgoing connections take (32768 on Linux): a server must find its own again after a stop.
func freePort(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(12000))
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	tb.Fatal("no free port between 20000 and 32000")
	return ""
}
