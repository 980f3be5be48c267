package dpop_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/dpop"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// Tokens that are of no use to whoever steals them.
func ExampleNew() {
	srv := granttest.New(granttest.Config{DPoPNonce: true}) // an authorization server, and an API

	prover, err := dpop.New(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	grant, err := oauth2grant.New(context.Background(), oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		Proof:      prover,
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer grant.Close()

	api := &http.Client{Transport: grant.Transport(srv.Transport())}
	res, err := api.Get(srv.URL(granttest.Resource) + "/orders?page=2")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	token, err := grant.Token(context.Background())
	fmt.Println(res.Status, token.TokenType, err)
	// Output: 200 OK DPoP <nil>
}
