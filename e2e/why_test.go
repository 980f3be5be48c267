package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

// TestWhy_ThereIsThisLibrary has two processes find the same expired token at
// the same moment, as two copies of a program do. What is usually built around
// golang.org/x/oauth2, its ReuseTokenSource and a wrapper that saves what has
// changed, lets both of them send the refresh token; the server takes the
// second for a thief and ends the sign-in for both. A grant on a store lets one
// send it and shares the result with the other.
func TestWhy_ThereIsThisLibrary(t *testing.T) {
	t.Parallel()
	for _, k := range rotatingKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			t.Run("with x/oauth2 the sign-in is lost", func(t *testing.T) {
				s := k.start(t, time.Hour)
				path := filepath.Join(t.TempDir(), "token.json")
				data, err := json.Marshal(expired(s.signIn(t)))
				if err == nil {
					err = os.WriteFile(path, data, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				one, two := startWorker(t, spec{
					Place: path, Issuer: s.issuer, Peer: true,
				}), startWorker(t, spec{Place: path, Issuer: s.issuer, Peer: true})
				first, _ := one.until(t, answered, order{Do: doToken})
				second := two.do(t, doToken)
				one.do(t, doGoOn)
				got := first.wait(t)
				if got.Err != "" || !second.is("invalid_grant") {
					t.Fatalf("the first got %q, the second %q, want nothing and invalid_grant", got.Err, second.Err)
				}
				s.wantDead(t, "the new access token", got.Access)
				s.wantDead(t, "the new refresh token", got.Refresh)
			})
			t.Run("with a grant on a store it is not", func(t *testing.T) {
				s, c := k.start(t, time.Hour), stores[0].at(t)
				c.put(t, expired(s.signIn(t)))
				before := s.tokenRequests()
				one, two := c.start(t, spec{Issuer: s.issuer}), c.start(t, spec{Issuer: s.issuer})
				first, _ := one.until(t, answered, order{Do: doToken})
				second := two.order(t, order{Do: doToken})
				one.do(t, doGoOn)
				got, same := first.wait(t), second.wait(t)
				if got.Err != "" || same.Err != "" || got.Access != same.Access {
					t.Fatalf("the first got %q, the second %q, the same token %t", got.Err, same.Err,
						got.Access == same.Access)
				}
				if n := s.tokenRequests() - before; n != 1 {
					t.Errorf("%d token requests, want 1", n)
				}
				s.wantActive(t, "the new access token", got.Access)
				s.wantActive(t, "the new refresh token", got.Refresh)
			})
		})
	}
}

func expired(t oauth2grant.Token) oauth2grant.Token {
	t.Expiry = time.Now().Add(-time.Minute)
	return t
}
