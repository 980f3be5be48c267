package e2e

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// TestAPIAuth_ProcessesShareOneSignIn runs eight agents for a minute on one
// folder, against a server that rotates refresh tokens strictly and ends the
// sign-in when one comes back.
func TestAPIAuth_ProcessesShareOneSignIn(t *testing.T) {
	t.Parallel()
	agent := filepath.Join(t.TempDir(), "agent")
	build := exec.CommandContext(t.Context(), "go", "build", "-C", filepath.Join("..", "examples"), "-o",
		agent, "./agent")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	srv := granttest.New(granttest.Config{
		Lifetime:          2 * time.Second,
		ProtectedResource: &granttest.ProtectedResource{Scopes: []string{"read"}},
		Registration:      &granttest.Registration{},
	})
	listening := httptest.NewServer(srv)
	defer listening.Close()
	srv.SetIssuer(listening.URL)
	folder := filepath.Join(t.TempDir(), "tokens")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			cmd := exec.CommandContext(t.Context(), agent, "-folder", folder, "-inside", "-agree", "-for", "1m",
				srv.URL(granttest.Resource))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	group.Wait()
	tokens, refused := 0, 0
	for _, r := range srv.Requests(granttest.Token) {
		tokens++
		if r.Status != http.StatusOK {
			refused++
		}
	}
	calls, tabs, registrations := srv.Count(granttest.Resource), srv.Count(granttest.Authorize),
		srv.Count(granttest.Register)
	t.Logf("%d calls, %d token requests, %d refused, %d tabs, %d registrations", calls, tokens, refused, tabs,
		registrations)
	if refused != 0 || srv.ReuseDetected() != 0 || tabs != 1 || registrations != 1 || tokens < 20 {
		t.Errorf("%d refresh tokens came back", srv.ReuseDetected())
	}
}
