package oidcverify_test

import (
	"context"
	"fmt"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/contrib/oidcverify"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// A sign-in against granttest, as a user's own test has it: the server signs
// the ID token, and says otherwise when it is told to.
func ExampleVerifier_Verify() {
	ctx := context.Background()
	srv := granttest.New(granttest.Config{})
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:   oauth2grant.Public("native"),
		Scopes: []string{"openid"}, HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		panic(err)
	}
	verifier, err := oidcverify.New(client, oidcverify.Config{HTTPClient: srv.HTTPClient()})
	if err != nil {
		panic(err)
	}
	signIn := func() error {
		a, err := client.BeginAuthorization(ctx, "http://127.0.0.1/callback", nil)
		if err != nil {
			return err
		}
		callback, err := srv.Approve(a.URL, "alice")
		if err != nil {
			return err
		}
		back, err := url.Parse(callback)
		if err != nil {
			return err
		}
		token, err := client.FinishAuthorization(ctx, a, back.Query())
		if err != nil {
			return err
		}
		id, err := verifier.Verify(ctx, a, token)
		if err == nil {
			fmt.Println(id.Subject, "signed in")
		}
		return err
	}
	if err := signIn(); err != nil {
		panic(err)
	}

	srv.Script(granttest.Token, granttest.Fault{Edit: func(answer map[string]any) {
		answer["id_token"] = srv.IDToken("native", "alice", map[string]any{"nonce": "of another sign-in"})
	}})
	fmt.Println("the replayed one is refused:", signIn() != nil)
	// Output:
	// alice signed in
	// the replayed one is refused: true
}
