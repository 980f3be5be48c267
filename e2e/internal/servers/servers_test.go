package servers

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/oauth2grant/go-oauth2grant/internal/authserver"
	"github.com/oauth2grant/go-oauth2grant/internal/testservers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newHTTPClient(t *testing.T) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// discover reads the metadata of an authorization server and returns its
// token endpoint.
func discover(t *testing.T, hc *http.Client, issuer string) string {
	t.Helper()
	res, err := hc.Get(issuer + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var metadata struct {
		Issuer string `json:"issuer"`
		Token  string `json:"token_endpoint"`
	}
	if err := json.NewDecoder(res.Body).Decode(&metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.Issuer != issuer {
		t.Fatalf("issuer %q, want %q", metadata.Issuer, issuer)
	}
	return metadata.Token
}

// askForToken posts the client credentials and returns the status.
func askForToken(t *testing.T, hc *http.Client, endpoint, secret string) int {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"read"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("worker", secret)
	res, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

func TestFosite_IssuesTokens(t *testing.T) {
	s := StartFosite(t, authserver.Config{})
	hc := newHTTPClient(t)
	if got := askForToken(t, hc, discover(t, hc, s.Issuer()), "worker-secret"); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
}

// TestOIDCProvider_MakesKeysWithoutHanging makes and exports keys until the
// garbage collector has met every moment of it: see keys.mjs.
func TestOIDCProvider_MakesKeysWithoutHanging(t *testing.T) {
	const script = `import { newKeyPair } from './keys.mjs';
for (let i = 0; i < 1500; i += 1) {
  const { privateKey, publicKey } = newKeyPair('ec', { namedCurve: 'P-256' });
  for (let j = 0; j < 20; j += 1) [privateKey, publicKey].forEach((key) => key.export({ format: 'jwk' }));
  if (i % 100 === 0) console.log(i);
}
console.log('done');`
	cmd := exec.CommandContext(t.Context(), testservers.Command(t, "node", "servers"), "--input-type=module",
		"--eval", script)
	cmd.Dir = oidcProviderDir(t)
	testservers.Run(t, cmd, "done")
}

func TestOIDCProvider_IssuesAndCountsTokens(t *testing.T) {
	s := StartOIDCProvider(t, Options{})
	hc := newHTTPClient(t)
	issuer := s.Issuer()
	endpoint := discover(t, hc, issuer)
	if got := askForToken(t, hc, endpoint, "worker-secret"); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	if got := askForToken(t, hc, endpoint, "guess"); got != http.StatusUnauthorized {
		t.Fatalf("status %d for a wrong secret", got)
	}
	stats := s.Stats(t)
	if stats.TokenRequests != 2 || stats.Refusals != 1 || stats.Paths["/token"] != 2 ||
		stats.GrantTypes["client_credentials"] != 2 || stats.Errors["invalid_client"] != 1 {
		t.Fatalf("stats %+v", stats)
	}

	s.Restart()
	if s.Issuer() != issuer || s.Stats(t).TokenRequests != 0 {
		t.Fatalf("after a restart: issuer %s, stats %+v", s.Issuer(), s.Stats(t))
	}
}
