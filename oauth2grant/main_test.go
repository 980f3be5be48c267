package oauth2grant_test

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also is the command that identity.Command runs.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "print" {
		fmt.Println(os.Args[2])
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
