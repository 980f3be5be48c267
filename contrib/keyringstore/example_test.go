package keyringstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oauth2grant/go-oauth2grant/contrib/keyringstore"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant"
	"github.com/oauth2grant/go-oauth2grant/oauth2grant/filestore"
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

// A program that keeps its token in a file where there is no keyring decides
// that once, when a person signs in, and says what it chose.
func ExampleAvailable() {
	dir, err := os.UserConfigDir()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	path := filepath.Join(dir, "mytool", "token.json")
	_, err = os.Stat(path + ".lock") // which a filestore leaves: it was decided before
	inFile := err == nil
	if !inFile {
		inFile = keyringstore.Available(context.Background()) != nil
	}
	var store oauth2grant.Store
	if inFile {
		store, err = filestore.Open(filestore.Config{Path: path})
	} else {
		store, err = keyringstore.Open(keyringstore.Config{Service: "mytool"})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Fprintln(os.Stderr, "the sign-in is kept in", store)
}
