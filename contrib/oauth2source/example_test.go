package oauth2source_test

import (
	"context"
	"fmt"
	"log"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/oauth2grant/go-oauth2grant/contrib/oauth2source"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/granttest"
)

// A library that takes a TokenSource is given the token that the grant holds.
func ExampleTokenSource() {
	srv := granttest.New(granttest.Config{})
	ctx := context.Background()
	grant, err := oauth2grant.New(ctx, oauth2grant.ClientCredentials{}, oauth2grant.Config{
		Server:     oauth2grant.Server{Issuer: srv.Issuer()},
		Auth:       oauth2grant.SecretBasic("client", "secret"),
		HTTPClient: srv.HTTPClient(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = grant.Close() }()

	src := oauth2source.TokenSource(ctx, grant, 0)
	token, err := src.Token()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Type())
	// Output: Bearer
}

// A service that used clientcredentials goes on with the same client.
func ExampleFromClientCredentials() {
	srv := granttest.New(granttest.Config{})
	old := &clientcredentials.Config{
		ClientID:     "client",
		ClientSecret: "secret",
		TokenURL:     srv.URL(granttest.Token),
		Scopes:       []string{"orders"},
	}
	cfg := oauth2source.FromClientCredentials(old)
	cfg.HTTPClient = srv.HTTPClient()
	grant, err := oauth2grant.New(context.Background(), oauth2grant.ClientCredentials{}, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = grant.Close() }()

	token, err := grant.Token(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token.Scope)
	// Output: orders
}

// What only another library can obtain is kept fresh by a grant.
func ExampleFlow() {
	srv := granttest.New(granttest.Config{})
	old := &clientcredentials.Config{ClientID: "client", ClientSecret: "secret", TokenURL: srv.URL(granttest.Token)}
	flow := oauth2source.Flow{Source: func(ctx context.Context) (oauth2.TokenSource, error) {
		return old.TokenSource(context.WithValue(ctx, oauth2.HTTPClient, srv.HTTPClient())), nil
	}}
	cfg := oauth2source.FromClientCredentials(old)
	cfg.HTTPClient = srv.HTTPClient()
	grant, err := oauth2grant.New(context.Background(), flow, cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = grant.Close() }()
	fmt.Println(grant.EnsureActiveToken(context.Background()))
	// Output: <nil>
}
