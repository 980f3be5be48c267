package oauth2grant_test

import (
	"testing"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func TestPKCE_ChallengesAsRFC7636AppendixB(t *testing.T) {
	const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	for method, want := range map[oauth2grant.PKCEMethod]string{
		oauth2grant.PKCES256:  "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		oauth2grant.PKCEPlain: verifier,
	} {
		if got := oauth2grant.Challenge(method, verifier); got != want {
			t.Errorf("%s: got %q, want %q", method, got, want)
		}
	}
}
