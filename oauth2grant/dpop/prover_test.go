package dpop_test

import (
	"crypto"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/internal/jws/jwstest"
)

func newProver(t testing.TB, key crypto.Signer) *dpop.Prover {
	t.Helper()
	p, err := dpop.New(key)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keys are one of each kind that a prover takes, by its algorithm.
func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	return map[string]crypto.Signer{
		"EdDSA": jwstest.Ed25519(t),
		"PS256": jwstest.RSA(t, 2048),
		"ES256": jwstest.EC(t, elliptic.P256()),
		"ES384": jwstest.EC(t, elliptic.P384()),
		"ES512": jwstest.EC(t, elliptic.P521()),
	}
}

// proof is one that was read and whose signature is good.
type proof struct {
	Type, Algorithm, Thumbprint string

	Claims map[string]any
}

func read(t testing.TB, text string) proof {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{
		jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
		jose.PS256,
	})
	if err != nil {
		t.Fatal(err)
	}
	h := parsed.Signatures[0].Header
	payload, err := parsed.Verify(h.JSONWebKey)
	if err != nil {
		t.Fatal(err)
	}
	if !h.JSONWebKey.IsPublic() {
		t.Fatal("the proof shows the private key")
	}
	p := proof{Type: fmt.Sprint(h.ExtraHeaders["typ"]), Algorithm: h.Algorithm}
	sum, err := h.JSONWebKey.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	p.Thumbprint = string(sum)
	if err := json.Unmarshal(payload, &p.Claims); err != nil {
		t.Fatal(err)
	}
	return p
}

func prove(t testing.TB, p oauth2grant.Prover, r oauth2grant.ProofRequest) proof {
	t.Helper()
	text, err := p.Proof(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, text)
}

func TestProver_ProvesByTheAlgorithmOfItsKey(t *testing.T) {
	for name, key := range keys(t) {
		t.Run(name, func(t *testing.T) {
			p := prove(t, newProver(t, key), oauth2grant.ProofRequest{
				Method: "POST",
				URL:    "https://auth.example/token",
			})
			if p.Algorithm != name || p.Type != "dpop+jwt" {
				t.Errorf("got %s, %s", p.Algorithm, p.Type)
			}
		})
	}
	if p := prove(t, newProver(t, nil), oauth2grant.ProofRequest{
		Method: "GET",
		URL:    "https://api.example",
	}); p.Algorithm != "ES256" {
		t.Errorf("a fresh key proves by %s", p.Algorithm)
	}
}

func TestProver_CoversTheRequest(t *testing.T) {
	p := newProver(t, nil)
	p.Learn("https://api.example:443", "learnt")
	for name, c := range map[string]struct {
		request oauth2grant.ProofRequest
		want    map[string]any
	}{
		"a token request": {
			oauth2grant.ProofRequest{Method: "POST", URL: "https://auth.example:8443/token"},
			map[string]any{"htm": "POST", "htu": "https://auth.example:8443/token"},
		},
		"a URL with user, query and fragment": {
			oauth2grant.ProofRequest{Method: "GET", URL: "https://u:p@auth.example/a%2Fb?q=1#f"},
			map[string]any{"htm": "GET", "htu": "https://auth.example/a%2Fb"},
		},
		"an empty query": {
			oauth2grant.ProofRequest{Method: "GET", URL: "https://auth.example/a?"},
			map[string]any{"htm": "GET", "htu": "https://auth.example/a"},
		},
		"a request to an API (RFC 9449 §7.1)": {
			oauth2grant.ProofRequest{
				Method: "GET", URL: "https://resource.example.org/protectedresource",
				AccessToken: "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU",
			},
			map[string]any{
				"htm": "GET", "htu": "https://resource.example.org/protectedresource",
				"ath": "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo",
			},
		},
		"a nonce that was learnt": {
			oauth2grant.ProofRequest{Method: "GET", URL: "HTTPS://API.example/"},
			map[string]any{"htm": "GET", "htu": "https://API.example/", "nonce": "learnt"},
		},
		"a nonce that is asked for just now": {
			oauth2grant.ProofRequest{Method: "GET", URL: "https://api.example/", Nonce: "asked"},
			map[string]any{"htm": "GET", "htu": "https://api.example/", "nonce": "asked"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := prove(t, p, c.request).Claims
				if id, _ := got["jti"].(string); len(id) < 20 {
					t.Errorf("jti %q", id)
				}
				if at, _ := got["iat"].(float64); int64(at) != time.Now().Unix() {
					t.Errorf("iat %v", got["iat"])
				}
				delete(got, "jti")
				delete(got, "iat")
				if fmt.Sprint(got) != fmt.Sprint(c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
}

// public is a key that signs nothing.
type public struct{ jose.JSONWebKey }

func (p public) Public() crypto.PublicKey { return p.Key }

func (public) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("the key service is down")
}

func TestProver_ThumbprintIsThatOfRFC9449(t *testing.T) {
	var key public // of the examples in RFC 9449 §4.1 and §6.1
	err := key.UnmarshalJSON([]byte(`{"kty":"EC","crv":"P-256",` +
		`"x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",` +
		`"y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}`))
	if err != nil {
		t.Fatal(err)
	}
	p := newProver(t, key)
	if got := p.Thumbprint(); got != "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" {
		t.Errorf("got %q", got)
	}
	if text, err := p.Proof(t.Context(), oauth2grant.ProofRequest{
		Method: "GET",
		URL:    "https://api.example/",
	}); err == nil || text != "" || !strings.Contains(err.Error(), "key service") {
		t.Errorf("a signer that fails: got %q, %v", text, err)
	}
}

func TestProver_MakesNoTwoProofsAlike(t *testing.T) {
	p := newProver(t, nil)
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[string]bool{}
	for worker := range 8 {
		wg.Go(func() {
			for i := range 100 {
				origin := fmt.Sprintf("https://h%d.example:443", (worker+i)%100)
				p.Learn(origin, fmt.Sprint("n", i))
				text, err := p.Proof(t.Context(), oauth2grant.ProofRequest{Method: "GET", URL: origin + "/"})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[text] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != 800 {
		t.Errorf("%d different proofs of 800", len(seen))
	}
}

func TestProver_ProvesNothingForAURLThatIsNone(t *testing.T) {
	for _, bad := range []string{"", "/path", "://", "https://MARK-secret@%zz"} {
		if text, err := newProver(t, nil).Proof(t.Context(), oauth2grant.ProofRequest{
			Method: "GET",
			URL:    bad,
		}); err == nil || text != "" || strings.Contains(err.Error(), "MARK") {
			t.Errorf("%q: got %q, %v", bad, text, err)
		}
	}
}

func TestProver_ShowsNoSecret(t *testing.T) {
	p := newProver(t, nil)
	var jwk struct {
		D string `json:"d"`
	}
	if err := json.Unmarshal([]byte(p.PrivateKey()), &jwk); err != nil || jwk.D == "" {
		t.Fatal(err, jwk)
	}
	type field struct {
		Exported oauth2grant.Prover
		private  *dpop.Prover
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "p", p, "v", *p, "f", field{p, p})
	text := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		text += fmt.Sprintf(verb+verb+verb+verb, p, *p, field{p, p}, []any{*p})
	}
	if strings.Contains(text, jwk.D) {
		t.Errorf("shows the key: %s", text)
	}
}

func BenchmarkProver_Proof(b *testing.B) {
	for name, key := range keys(b) {
		p := newProver(b, key)
		p.Learn("https://api.example:443", "nonce")
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Proof(b.Context(), oauth2grant.ProofRequest{
					Method: "GET",
					URL:    "https://api.example/x", AccessToken: "token",
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
