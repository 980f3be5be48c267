package keyringstore_test

import (
	"context"
	"fmt"
	"os"

	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
)

func Example() {
	store, err := keyringstore.Open(keyringstore.Config{Service: "mytool", Account: "https://login.example.com"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	grant, err := oauth2grant.New(context.Background(), oauth2grant.AuthCode{}, oauth2grant.Config{
		Server: oauth2grant.Server{Issuer: "https://login.example.com"},
		Auth:   oauth2grant.Public("mytool"),
		Store:  store,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	defer grant.Close()
}
