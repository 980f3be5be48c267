package keyringstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest/storetest"
)

func TestMain(m *testing.M) {
	storetest.Subprocess(harness)
	if ended, code := inSession(); ended {
		os.Exit(code)
	}
	goleak.VerifyTestMain(program{m})
}

// program is the tests with what comes after them.
type program struct{ *testing.M }

func (p program) Run() int {
	code := p.M.Run()
	keyringstore.Settle()
	leaveSession()
	return code
}

// privateDir returns a folder that others can't write to, whatever the umask.
func privateDir(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "private")
	if err := os.Mkdir(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// missing ends the tests where they must not be skipped, and else says why the
// tests of a real keyring are.
func missing(what string) (ended bool, code int) {
	fmt.Println(what)
	if os.Getenv("CI") == "true" {
		return true, 1
	}
	return false, 0
}
