package servers

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/internal/progress"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

// Options sets up an OIDCProvider.
type Options struct {
	AccessTokenLifetime  time.Duration // zero: 60 s
	RefreshTokenLifetime time.Duration // zero: 1 h
	TokenDelay           time.Duration // between a token request's effect and its answer; zero: none
	PKCEOptional         bool          // else a request without a challenge is refused
	KeepRefreshToken     bool          // else a new one at each use, and a second use of the old one revokes the grant
	AlwaysRefreshToken   bool          // even without offline_access
	// More settings of e2e/oidc-provider/settings.mjs, NAME=value; the last one
	// counts.
	Env []string
}

// OIDCProvider is a running oidc-provider. Users and clients are in
// e2e/oidc-provider.
type OIDCProvider struct {
	tb     testing.TB
	dir    string // of server.mjs
	data   string // keys and certificates
	env    []string
	proc   *testservers.Process
	issuer string
	mtls   string
}

// Stats is what an OIDCProvider has answered since it was started.
type Stats struct {
	TokenRequests int            `json:"tokenRequests"`
	Refusals      int            `json:"refusals"` // token requests answered with an error
	Paths         map[string]int `json:"paths"`
	GrantTypes    map[string]int `json:"grantTypes"` // of token requests
	Errors        map[string]int `json:"errors"`     // of token requests, by error code
}

// StartOIDCProvider starts an oidc-provider, which makes itself new keys.
func StartOIDCProvider(tb testing.TB, opts Options) *OIDCProvider {
	tb.Helper()
	s := &OIDCProvider{tb: tb, dir: oidcProviderDir(tb), data: tb.TempDir()}
	testservers.Command(tb, "openssl", "servers")
	s.env = []string{
		"DATA=" + s.data, "PORT=" + testservers.FreePort(tb), "TLS_PORT=" + testservers.FreePort(tb),
		"EXIT_WITH_STDIN=1", "ACCESS_TOKEN_TTL=" + inSeconds(opts.AccessTokenLifetime, time.Minute),
		"REFRESH_TOKEN_TTL=" + inSeconds(opts.RefreshTokenLifetime, time.Hour),
		"TOKEN_DELAY=" + inSeconds(opts.TokenDelay, 0),
	}
	if opts.PKCEOptional {
		s.env = append(s.env, "PKCE=optional")
	}
	if opts.KeepRefreshToken {
		s.env = append(s.env, "ROTATE=0")
	}
	if opts.AlwaysRefreshToken {
		s.env = append(s.env, "REFRESH_TOKEN=always")
	}
	s.env = append(s.env, opts.Env...)
	s.Restart()
	return s
}

// Issuer is the issuer identifier, http://127.0.0.1:port.
func (s *OIDCProvider) Issuer() string { return s.issuer }

// MTLSOrigin is the same server over TLS, asking for a client certificate (RFC
// 8705).
func (s *OIDCProvider) MTLSOrigin() string { return s.mtls }

// File is the path of a key or certificate that e2e/oidc-provider/keys.mjs
// made, such as client.jwk or ca.crt.
func (s *OIDCProvider) File(name string) string { return filepath.Join(s.data, name) }

// Stats asks the server what it has answered.
func (s *OIDCProvider) Stats(tb testing.TB) Stats {
	tb.Helper()
	tr := &http.Transport{DisableKeepAlives: true}
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, s.issuer+"/_stats", nil)
	if err != nil {
		tb.Fatal(err)
	}
	res, err := (&http.Client{Transport: tr, Timeout: progress.Limit}).Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer res.Body.Close()
	var stats Stats
	if err := json.NewDecoder(res.Body).Decode(&stats); err != nil {
		tb.Fatalf("/_stats: %v", err)
	}
	return stats
}

// Stop ends the server. Its tokens and statistics were in memory and are gone.
func (s *OIDCProvider) Stop() {
	s.tb.Helper()
	s.proc.End(s.tb, syscall.SIGTERM)
}

// Restart stops it, if it runs, and starts it with the same addresses and keys.
func (s *OIDCProvider) Restart() {
	s.tb.Helper()
	if s.proc != nil {
		s.Stop()
	}
	node := testservers.Command(s.tb, "node", "servers")
	cmd := exec.CommandContext(context.WithoutCancel(s.tb.Context()), node, "server.mjs") // Stop ends it
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), s.env...)
	if _, err := cmd.StdinPipe(); err != nil { // open as long as this process lives, and the server no longer than that
		s.tb.Fatal(err)
	}
	proc, line := testservers.Run(s.tb, cmd, "ready {")
	s.proc = proc
	var ready struct{ Issuer, MTLS string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "ready ")), &ready); err != nil {
		s.tb.Fatalf("ready line %q: %v", line, err)
	}
	s.issuer, s.mtls = ready.Issuer, ready.MTLS
}

// oidcProviderDir looks for the installed server from the folder of the test
// upwards.
func oidcProviderDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		candidate := filepath.Join(dir, "oidc-provider")
		if _, err := os.Stat(filepath.Join(candidate, "server.mjs")); err == nil {
			if _, err := os.Stat(filepath.Join(candidate, "node_modules", "oidc-provider")); err != nil {
				testservers.Missing(tb, "oidc-provider", "servers")
			}
			return candidate
		}
		if dir == filepath.Dir(dir) {
			tb.Fatal("no folder oidc-provider above the test")
		}
		dir = filepath.Dir(dir)
	}
}

func inSeconds(d, zero time.Duration) string {
	if d == 0 {
		d = zero
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64)
}
