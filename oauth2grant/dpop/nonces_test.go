package dpop_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestProver_KeepsTheNoncesOf64Origins(t *testing.T) {
	p := newProver(t, nil)
	nonce := func(origin string) any {
		return prove(t, p, oauth2grant.ProofRequest{Method: "GET", URL: origin + "/"}).Claims["nonce"]
	}
	origin := func(i int) string { return fmt.Sprintf("https://h%d.example:443", i) }
	for i := range 64 {
		p.Learn(origin(i), "n")
	}
	nonce(origin(0)) // used, so the second is now the oldest
	p.Learn(origin(2), "newer")
	p.Learn(origin(64), "n")
	for i, want := range map[int]any{0: "n", 1: nil, 2: "newer", 63: "n", 64: "n"} {
		if got := nonce(origin(i)); got != want {
			t.Errorf("origin %d: nonce %v, want %v", i, got, want)
		}
	}
}

func TestProver_LearnsNoNonceThatFitsNoProof(t *testing.T) {
	p := newProver(t, nil)
	for _, bad := range []string{"", "a b", "a\"b", "a\\b", "a\n", "ä", strings.Repeat("n", 1025)} {
		p.Learn("https://api.example:443", bad)
		if got := prove(t, p, oauth2grant.ProofRequest{
			Method: "GET",
			URL:    "https://api.example/",
		}).Claims["nonce"]; got != nil {
			t.Errorf("learnt %q", got)
		}
	}
}
