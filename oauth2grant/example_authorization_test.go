package oauth2grant_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// A web application sends the browser away in one request, and takes the answer
// in another.
func ExampleClient_BeginAuthorization() {
	srv := granttest.New(granttest.Config{
		Issuer: "https://login.example.com",
		Clients: []granttest.Client{
			{ID: "shop", Secret: "secret", RedirectURIs: []string{"https://shop.example.com/callback"}},
		},
	})
	client, err := oauth2grant.NewClient(oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:       oauth2grant.SecretBasic("shop", "secret"),
		Scopes:     []string{"openid", "email"},
		HTTPClient: srv.HTTPClient(), // leave it out where the server is a real one
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background() // that of the request

	// GET /sign-in: keep the Authorization in the session, redirect to its URL.
	begun, err := client.BeginAuthorization(ctx, "https://shop.example.com/callback", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	session, _ := json.Marshal(begun)              // it holds secrets: encrypt it if it is a cookie
	callback, _ := srv.Approve(begun.URL, "alice") // the person's part

	// GET /callback: take it out of the session, and let nobody use it twice.
	var kept oauth2grant.Authorization
	answer, _ := url.Parse(callback)
	if err := json.Unmarshal(session, &kept); err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.FinishAuthorization(ctx, kept, answer.Query())
	fmt.Println(token.Scopes(), err)

	// The ID token is to be verified, and then its nonce is to be compared.
	if err := kept.CheckNonce("that of another sign-in"); err != nil {
		fmt.Println("that is not the person who signed in here")
	}
	// Output:
	// [openid email] <nil>
	// that is not the person who signed in here
}
